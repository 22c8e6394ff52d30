// Command requirements draws sets of requirements, asks Karpenter's own algebra about them, and writes questions and
// answers down, so that ours can be held against it where there is no Go.
//
//	go run . -cases ../../packages/model/src/scheduling/requirement-cases.generated.json
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"log"
	"math/rand"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/karpenter/pkg/scheduling"
)

type entry struct {
	Key       string   `json:"key"`
	Operator  string   `json:"operator"`
	Values    []string `json:"values,omitempty"`
	MinValues *int     `json:"minValues,omitempty"`
}

// onKey is what upstream says about one key of both sets.
type onKey struct {
	Intersection    string `json:"intersection"`
	HasIntersection bool   `json:"hasIntersection"`
	Has             bool   `json:"has"`
	IntersectionHas bool   `json:"intersectionHas"`
	Operator        string `json:"operator"`
	Length          string `json:"length"`
}

type question struct {
	Existing []entry `json:"existing"`
	Incoming []entry `json:"incoming"`
	Value    string  `json:"value"`

	ExistingText string           `json:"existingText"`
	IncomingText string           `json:"incomingText"`
	Compatible   string           `json:"compatible"`
	ForNewNode   string           `json:"forNewNode"`
	Intersects   string           `json:"intersects"`
	Keys         map[string]onKey `json:"keys"`
	Entries      []entry          `json:"entries"`
}

var (
	operators = []string{"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Gte", "Lte"}
	keys      = []string{
		"topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone", "karpenter.sh/capacity-type",
		"kubernetes.io/hostname", "custom", "example.com/custom",
	}
	values = []string{"a", "b", "c", "d", "e", "f", "g", "0", "1", "2", "3", "5", "8", "007", "+4", "1.5", "", "9223372036854775807", "9223372036854775808"}
	bounds = []string{"0", "1", "2", "3", "5", "8", "9223372036854775806", "9223372036854775807"}
)

func draw(random *rand.Rand) []entry {
	drawn := []entry{}
	for range random.Intn(4) {
		one := entry{Key: pick(random, keys), Operator: pick(random, operators)}
		switch one.Operator {
		case "In", "NotIn":
			for range random.Intn(8) {
				one.Values = append(one.Values, pick(random, values))
			}
		case "Gt", "Lt", "Gte", "Lte":
			one.Values = []string{pick(random, bounds)}
		}
		if random.Intn(4) == 0 {
			minValues := 1 + random.Intn(4)
			one.MinValues = &minValues
		}
		drawn = append(drawn, one)
	}
	return drawn
}

func pick(random *rand.Rand, from []string) string {
	return from[random.Intn(len(from))]
}

func setOf(entries []entry) scheduling.Requirements {
	set := scheduling.NewRequirements()
	for _, one := range entries {
		operator := corev1.NodeSelectorOperator(one.Operator)
		set.Add(scheduling.NewRequirementWithFlexibility(one.Key, operator, one.MinValues, slices.Clone(one.Values)...))
	}
	return set
}

// verdict is "" for none, "unknown key" (which one is up to a map's order), or the sorted sentences.
func verdict(err error) string {
	if err == nil {
		return ""
	}
	if strings.Contains(err.Error(), "does not have known values") {
		return "unknown key"
	}
	sentences := strings.Split(err.Error(), "; ")
	slices.Sort(sentences)
	return strings.Join(sentences, "; ")
}

func ask(random *rand.Rand) question {
	q := question{Existing: draw(random), Incoming: draw(random), Value: pick(random, values), Keys: map[string]onKey{}, Entries: []entry{}}
	existing, incoming := setOf(q.Existing), setOf(q.Incoming)
	q.ExistingText, q.IncomingText = existing.String(), incoming.String()
	q.Compatible = verdict(existing.Compatible(incoming))
	q.ForNewNode = verdict(existing.Compatible(incoming, scheduling.AllowUndefinedWellKnownLabels))
	q.Intersects = verdict(existing.Intersects(incoming))
	for key, one := range existing {
		other := incoming.Get(key)
		both := one.Intersection(other)
		length, err := json.Marshal(one.Len())
		if err != nil {
			log.Fatal(err)
		}
		q.Keys[key] = onKey{both.String(), one.HasIntersection(other), one.Has(q.Value), both.Has(q.Value), string(one.Operator()), string(length)}
	}
	for _, one := range existing.NodeSelectorRequirements() {
		q.Entries = append(q.Entries, entry{one.Key, string(one.Operator), one.Values, one.MinValues})
	}
	slices.SortFunc(q.Entries, func(a, b entry) int { return strings.Compare(a.Key+" "+a.Operator, b.Key+" "+b.Operator) })
	return q
}

func main() {
	target := flag.String("cases", "", "file to write")
	count := flag.Int("count", 150, "how many cases")
	flag.Parse()
	random := rand.New(rand.NewSource(1))
	var text bytes.Buffer
	text.WriteString("[\n")
	for i := range *count {
		line, err := json.Marshal(ask(random))
		if err != nil {
			log.Fatal(err)
		}
		text.Write(line)
		if i+1 < *count {
			text.WriteByte(',')
		}
		text.WriteByte('\n')
	}
	text.WriteString("]\n")
	if err := os.WriteFile(*target, text.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}
