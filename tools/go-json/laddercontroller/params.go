// Package laddercontroller declares what upstream's package of that name declares: Go's messages print both names.
package laddercontroller

type paramEntry [2]int

type paramEntries []paramEntry

type ladderParams struct {
	CoresToReplicas           paramEntries `json:"coresToReplicas"`
	NodesToReplicas           paramEntries `json:"nodesToReplicas"`
	IncludeUnschedulableNodes bool         `json:"includeUnschedulableNodes"`
}

// Decode gives the values by JSON name, nil lists as empty ones.
func Decode(decoder func(any) error) (map[string]any, error) {
	var p ladderParams
	if err := decoder(&p); err != nil {
		return nil, err
	}
	return map[string]any{
		"coresToReplicas":           append(paramEntries{}, p.CoresToReplicas...),
		"nodesToReplicas":           append(paramEntries{}, p.NodesToReplicas...),
		"includeUnschedulableNodes": p.IncludeUnschedulableNodes,
	}, nil
}
