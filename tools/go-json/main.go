// Command go-json writes documents by hand and at random, has Go's encoding/json read them as Cluster Proportional
// Autoscaler has it, and writes documents and answers down, so that ours can be held against them where there is no Go.
//
//	go run . -cases ../../packages/proportional-autoscaler/src/go-json/go-json-cases.generated.json
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unicode/utf8"

	"plimsoll.dev/tools/go-json/laddercontroller"
	"plimsoll.dev/tools/go-json/linearcontroller"
)

// answer is one line of the result.
type answer struct {
	Kind string `json:"kind"`
	// One of the two: Base64 where the document is no UTF-8.
	Text   *string `json:"text,omitempty"`
	Base64 []byte  `json:"base64,omitempty"`

	// Error, or else Values; without those that are zero where there is a struct.
	Error  string         `json:"error,omitempty"`
	Values map[string]any `json:"values,omitempty"`
	// UnknownKey is the first key that belongs to no field.
	UnknownKey *string `json:"unknownKey,omitempty"`
}

func ask(d document) answer {
	a := answer{Kind: d.kind}
	if utf8.ValidString(d.text) {
		a.Text = &d.text
	} else {
		a.Base64 = []byte(d.text)
	}
	values, err := decode(d, json.Unmarshal)
	if err != nil {
		a.Error = err.Error()
		return a
	}
	a.Values = values
	if d.kind == entries {
		return a
	}
	for key, value := range values {
		if isZero(value) {
			delete(values, key)
		}
	}
	if _, err := decode(d, strictUnmarshal); err != nil {
		quoted, found := strings.CutPrefix(err.Error(), "json: unknown field ")
		if !found {
			log.Fatalf("%q: %v", d.text, err)
		}
		key, err := strconv.Unquote(quoted)
		if err != nil {
			log.Fatal(err)
		}
		a.UnknownKey = &key
	}
	return a
}

// namesParams is a struct with names that upstream's do not have: two that differ in case only, and one with a k.
type namesParams struct {
	Key  int `json:"key"`
	KEY  int `json:"KEY"`
	Task int `json:"task"`
}

func decode(d document, unmarshal func([]byte, any) error) (map[string]any, error) {
	into := func(target any) error { return unmarshal([]byte(d.text), target) }
	switch d.kind {
	case linear:
		return linearcontroller.Decode(into)
	case ladder:
		return laddercontroller.Decode(into)
	case names:
		var n namesParams
		err := into(&n)
		return map[string]any{"key": n.Key, "KEY": n.KEY, "task": n.Task}, err
	}
	var members map[string]interface{}
	if err := into(&members); err != nil {
		return nil, err
	}
	written := map[string]any{}
	for key, value := range members {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		written[key] = string(text)
	}
	return written, nil
}

func strictUnmarshal(text []byte, target any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(target)
}

func isZero(value any) bool {
	if number, isFloat := value.(float64); isFloat && math.Signbit(number) {
		return false
	}
	switch fmt.Sprint(value) {
	case "0", "false", "[]":
		return true
	}
	return false
}

func main() {
	target := flag.String("cases", "", "file to write")
	count := flag.Int("count", 2800, "how many random documents")
	flag.Parse()
	var text bytes.Buffer
	fmt.Fprintf(&text, "{\"go\":%q,\"cases\":[\n", runtime.Version())
	for i, d := range documents(*count) {
		if i > 0 {
			text.WriteString(",\n")
		}
		line, err := json.Marshal(ask(d))
		if err != nil {
			log.Fatal(err)
		}
		text.Write(line)
	}
	text.WriteString("\n]}\n")
	if err := os.WriteFile(*target, text.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}
