// Command custom-resources asks Kubernetes' own packages about the questions of a table and writes their answers into
// it, so that ours can be held against them where there is no Go. A row is a schema or a definition, perhaps with an
// object that is written, perhaps over an old one.
//
//	go run . -rows ../../packages/embedded-kube/test/custom-resources/values.jsonl
package main

import (
	"bufio"
	"bytes"
	"context"
	stdjson "encoding/json"
	"flag"
	"log"
	"os"
	"slices"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/common"
)

type row map[string]any

func main() {
	path := flag.String("rows", "", "the table, a row of JSON a line; rewritten")
	flag.Parse()
	text, err := os.ReadFile(*path)
	check(err)
	var out bytes.Buffer
	encoder := newEncoder(&out)
	var last any
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<28)
	for lines.Scan() {
		var r row
		check(json.Unmarshal(lines.Bytes(), &r))
		if definition, ok := r["definition"]; ok {
			last = definition
		}
		check(encoder.Encode(answered(r, last)))
	}
	check(lines.Err())
	check(os.WriteFile(*path, out.Bytes(), 0o644))
}

func newEncoder(out *bytes.Buffer) *stdjson.Encoder {
	encoder := stdjson.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return encoder
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// answered fills in what the definition's validation says, and what becomes of the object. A row without a definition
// of its own is about the last one, or about a definition made of its schema.
func answered(r row, last any) row {
	ctx := context.Background()
	given := last
	if s, ok := r["schema"]; ok {
		given = map[string]any{
			"metadata": map[string]any{"name": "things.example.com"},
			"spec": map[string]any{
				"group": "example.com", "scope": "Namespaced",
				"names":    map[string]any{"plural": "things", "kind": "Thing"},
				"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{"openAPIV3Schema": s}}},
			},
		}
	}
	definition := internal(given)
	if _, ok := r["definition"]; ok {
		var found field.ErrorList
		if old, ok := r["oldDefinition"]; ok {
			before := internal(old)
			definition.ResourceVersion, before.ResourceVersion = "1", "1"
			found = crdvalidation.ValidateCustomResourceDefinitionUpdate(ctx, definition, before)
		} else {
			found = crdvalidation.ValidateCustomResourceDefinition(ctx, definition)
		}
		r["definitionErrors"] = texts(found)
	}
	if r["new"] == nil {
		return r
	}
	props := definition.Spec.Versions[0].Schema
	if definition.Spec.Validation != nil {
		props = definition.Spec.Validation
	}
	found, stored := written(ctx, props.OpenAPIV3Schema, r["new"], r["old"])
	delete(r, "errors")
	if len(found) > 0 {
		r["errors"] = texts(found)
	}
	if r["schema"] != nil {
		r["stored"] = stored
	}
	return r
}

func internal(given any) *apiextensions.CustomResourceDefinition {
	text, err := stdjson.Marshal(given)
	check(err)
	var external v1.CustomResourceDefinition
	check(stdjson.Unmarshal(text, &external))
	v1.SetDefaults_CustomResourceDefinition(&external)
	var definition apiextensions.CustomResourceDefinition
	check(v1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&external, &definition, nil))
	return &definition
}

// written is what the strategies of custom resources do on create and on update.
func written(ctx context.Context, props *apiextensions.JSONSchemaProps, given, before any) (field.ErrorList, any) {
	structural, err := schema.NewStructural(props)
	check(err)
	shape := func(value any) map[string]any {
		text, err := stdjson.Marshal(value)
		check(err)
		var object map[string]any
		check(json.Unmarshal(text, &object))
		pruning.PruneWithOptions(object, structural, true, schema.UnknownFieldPathOptions{})
		defaulting.PruneNonNullableNullsWithoutDefaults(object, structural)
		defaulting.Default(object, structural)
		return object
	}
	object := shape(given)
	validator, _, err := validation.NewSchemaValidator(props)
	check(err)
	rules := cel.NewValidator(structural, true, celconfig.PerCallLimit)
	var found field.ErrorList
	if before == nil {
		found = validation.ValidateCustomResource(nil, object, validator)
		found = append(found, objectmeta.Validate(ctx, nil, object, structural, false)...)
		found = append(found, listtype.ValidateListSetsAndMaps(nil, structural, object)...)
		if rules == nil {
			return found, object
		}
		if errors, ok := blocked(found); ok {
			return errors, object
		}
		errors, _ := rules.Validate(ctx, nil, structural, object, nil, celconfig.RuntimeCELCostBudget)
		return append(found, errors...), object
	}
	old := shape(before)
	correlated := common.NewCorrelatedObject(object, old, &model.Structural{Structural: structural})
	found = validation.ValidateCustomResourceUpdate(nil, object, old, validator, validation.WithRatcheting(correlated))
	found = append(found, objectmeta.Validate(ctx, nil, object, structural, false)...)
	if len(listtype.ValidateListSetsAndMaps(nil, structural, old)) == 0 {
		found = append(found, listtype.ValidateListSetsAndMaps(nil, structural, object)...)
	}
	if rules == nil {
		return found, object
	}
	if errors, ok := blocked(found); ok {
		return errors, object
	}
	errors, _ := rules.Validate(ctx, nil, structural, object, old, celconfig.RuntimeCELCostBudget, cel.WithRatcheting(correlated))
	return append(found, errors...), object
}

// blocked adds that rules were not checked, where they were not.
func blocked(found field.ErrorList) (field.ErrorList, bool) {
	blocking := []field.ErrorType{field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid}
	for _, err := range found {
		if slices.Contains(blocking, err.Type) {
			return append(found, field.Invalid(nil, nil, "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation")), true
		}
	}
	return found, false
}

func texts(found field.ErrorList) []string {
	all := []string{}
	for _, err := range found {
		all = append(all, err.Error())
	}
	return all
}
