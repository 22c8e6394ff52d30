// Package linearcontroller declares what upstream's package of that name declares: Go's messages print both names.
package linearcontroller

type linearParams struct {
	CoresPerReplica           float64 `json:"coresPerReplica"`
	NodesPerReplica           float64 `json:"nodesPerReplica"`
	Min                       int     `json:"min"`
	Max                       int     `json:"max"`
	PreventSinglePointFailure bool    `json:"preventSinglePointFailure"`
	IncludeUnschedulableNodes bool    `json:"includeUnschedulableNodes"`
}

// Decode gives the values by JSON name.
func Decode(decoder func(any) error) (map[string]any, error) {
	var p linearParams
	if err := decoder(&p); err != nil {
		return nil, err
	}
	return map[string]any{
		"coresPerReplica":           p.CoresPerReplica,
		"nodesPerReplica":           p.NodesPerReplica,
		"min":                       p.Min,
		"max":                       p.Max,
		"preventSinglePointFailure": p.PreventSinglePointFailure,
		"includeUnschedulableNodes": p.IncludeUnschedulableNodes,
	}, nil
}
