// Command schema reads the Go declarations of Kubernetes' API types and writes the two facts files that Plimsoll
// carries: the table of schemas, merge keys and protobuf field numbers that drives the embedded API server, and the
// TypeScript types. Only facts are taken (names, types, keys, numbers): no descriptions.
//
//	go run . -table ../../packages/embedded-kube/src/schema/kubernetes.generated.json \
//	         -types ../../packages/model/src/kubernetes/types.generated.ts
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// source is one Go package to read and the name its types have in OpenAPI.
type source struct{ module, dir, open string }

var sources = []source{
	{"k8s.io/apimachinery", "pkg/apis/meta/v1", "io.k8s.apimachinery.pkg.apis.meta.v1"},
	{"k8s.io/apimachinery", "pkg/api/resource", "io.k8s.apimachinery.pkg.api.resource"},
	{"k8s.io/apimachinery", "pkg/util/intstr", "io.k8s.apimachinery.pkg.util.intstr"},
	{"k8s.io/apimachinery", "pkg/runtime", "io.k8s.apimachinery.pkg.runtime"},
	{"k8s.io/apimachinery", "pkg/types", "io.k8s.apimachinery.pkg.types"},
	{"k8s.io/apiextensions-apiserver", "pkg/apis/apiextensions/v1", "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1"},
	{"k8s.io/api", "core/v1", ""}, {"k8s.io/api", "apps/v1", ""}, {"k8s.io/api", "batch/v1", ""},
	{"k8s.io/api", "policy/v1", ""}, {"k8s.io/api", "autoscaling/v1", ""}, {"k8s.io/api", "autoscaling/v2", ""},
	{"k8s.io/api", "coordination/v1", ""}, {"k8s.io/api", "events/v1", ""}, {"k8s.io/api", "scheduling/v1", ""},
	{"k8s.io/api", "storage/v1", ""}, {"k8s.io/api", "rbac/v1", ""}, {"k8s.io/api", "networking/v1", ""},
	{"k8s.io/api", "discovery/v1", ""}, {"k8s.io/api", "node/v1", ""}, {"k8s.io/api", "admissionregistration/v1", ""},
	{"k8s.io/api", "authentication/v1", ""}, {"k8s.io/api", "authorization/v1", ""}, {"k8s.io/api", "certificates/v1", ""},
	{"k8s.io/api", "resource/v1", ""}, {"k8s.io/api", "flowcontrol/v1", ""},
}

type schema map[string]any

// field is one row of the protobuf table: [json name or "" when inlined, kind, flags, map value kind].
type field [4]any

const (
	repeated = 1 << iota
	pointer
	omitempty
)

type typeInfo struct {
	name    string // as OpenAPI calls it
	pkg     *pkg
	spec    *ast.TypeSpec
	markers map[string][]string
}

type pkg struct {
	path, open string
	imports    map[*ast.File]map[string]string
	types      map[string]*typeInfo
	files      map[*ast.TypeSpec]*ast.File
	consts     map[string][]string // type name -> string values
}

var packages = map[string]*pkg{} // by import path

// special types have a wire form of their own.
var special = map[string]schema{
	"io.k8s.apimachinery.pkg.apis.meta.v1.Time":                                             {"type": "string", "format": "date-time"},
	"io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime":                                        {"type": "string", "format": "date-time"},
	"io.k8s.apimachinery.pkg.apis.meta.v1.Duration":                                         {"type": "string"},
	"io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1":                                         {"type": "object"},
	"io.k8s.apimachinery.pkg.api.resource.Quantity":                                         {"type": "string"},
	"io.k8s.apimachinery.pkg.util.intstr.IntOrString":                                       {"type": "string", "format": "int-or-string"},
	"io.k8s.apimachinery.pkg.runtime.RawExtension":                                          {"type": "object"},
	"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON":                         {},
	"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool":        {},
	"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray":       {},
	"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": {},
}

func main() {
	table := flag.String("table", "", "where the schema table goes")
	types := flag.String("types", "", "where the TypeScript types go")
	flag.Parse()
	for _, s := range sources {
		load(s)
	}
	schemas, protobuf, clientgen := map[string]schema{}, map[string]map[string]field{}, map[string]map[string]bool{}
	for _, p := range packages {
		for _, t := range p.types {
			if !ast.IsExported(t.spec.Name.Name) {
				continue
			}
			st, isStruct := t.spec.Type.(*ast.StructType)
			if sp, ok := special[t.name]; ok {
				schemas[t.name] = sp
				if isStruct && t.spec.Name.Name != "Time" && t.spec.Name.Name != "MicroTime" {
					protobuf[t.name] = messageOf(t, st)
				}
				continue
			}
			if !isStruct {
				continue
			}
			schemas[t.name] = structSchema(t, st)
			protobuf[t.name] = messageOf(t, st)
			if _, ok := t.markers["genclient"]; ok {
				_, non := t.markers["genclient:nonNamespaced"]
				_, noStatus := t.markers["genclient:noStatus"]
				scale := false
				for _, v := range t.markers["genclient:method"] {
					scale = scale || strings.Contains(v, "subresource=scale")
				}
				clientgen[t.name] = map[string]bool{"nonNamespaced": non, "noStatus": noStatus, "scale": scale}
			}
		}
	}
	reach(schemas, protobuf, clientgen)
	write(*table, mustJSON(map[string]any{
		"source":  "k8s.io/api, k8s.io/apimachinery, k8s.io/apiextensions-apiserver v0.35.7 (type declarations: names, types, keys and numbers only)",
		"schemas": schemas, "protobuf": protobuf, "clientgen": clientgen,
	}))
	write(*types, typescript(schemas, clientgen))
	fmt.Printf("%d schemas, %d messages, %d clients\n", len(schemas), len(protobuf), len(clientgen))
}

// reach keeps what a served kind, or a body that clients send to one, refers to.
func reach(schemas map[string]schema, protobuf map[string]map[string]field, clientgen map[string]map[string]bool) {
	keep := map[string]bool{}
	var visit func(any)
	visit = func(v any) {
		switch v := v.(type) {
		case schema:
			for _, x := range v {
				visit(x)
			}
		case map[string]any:
			for _, x := range v {
				visit(x)
			}
		case string:
			if _, ok := schemas[v]; ok && !keep[v] {
				keep[v] = true
				visit(schemas[v])
				for _, f := range protobuf[v] {
					kind, _ := f[1].(string)
					visit(strings.TrimPrefix(kind, "@"))
					if value, ok := f[3].(string); ok {
						visit(strings.TrimPrefix(value, "@"))
					}
				}
			}
		}
	}
	for name := range schemas {
		_, hasClient := clientgen[name]
		hasMeta := false
		if props, ok := schemas[name]["properties"].(map[string]any); ok {
			_, hasMeta = props["metadata"]
		}
		if hasClient || hasMeta || strings.Contains(name, ".meta.v1.") || special[name] != nil {
			visit(name)
		}
	}
	for name := range schemas {
		if !keep[name] {
			delete(schemas, name)
			delete(protobuf, name)
		}
	}
}

func load(s source) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", s.module).Output()
	check(err)
	dir := filepath.Join(strings.TrimSpace(string(out)), s.dir)
	if s.open == "" {
		s.open = "io.k8s.api." + strings.ReplaceAll(s.dir, "/", ".")
	}
	p := &pkg{path: s.module + "/" + s.dir, open: s.open, imports: map[*ast.File]map[string]string{}, types: map[string]*typeInfo{}, files: map[*ast.TypeSpec]*ast.File{}, consts: map[string][]string{}}
	packages[p.path] = p
	set := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	check(err)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		check(err)
		p.imports[f] = map[string]string{}
		for _, i := range f.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			alias := path[strings.LastIndex(path, "/")+1:]
			if i.Name != nil {
				alias = i.Name.Name
			}
			p.imports[f][alias] = path
		}
		// A marker may stand in a comment of its own above the doc comment, separated by a blank line.
		comments := map[int]*ast.CommentGroup{}
		for _, c := range f.Comments {
			comments[set.Position(c.End()).Line] = c
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			if g.Tok == token.CONST {
				last := ""
				for _, sp := range g.Specs {
					v := sp.(*ast.ValueSpec)
					if id, ok := v.Type.(*ast.Ident); ok {
						last = id.Name
					} else if v.Type != nil || len(v.Values) > 0 {
						last = ""
					}
					if last == "" {
						continue
					}
					for _, x := range v.Values {
						if lit, ok := x.(*ast.BasicLit); ok && lit.Kind == token.STRING {
							value, _ := strconv.Unquote(lit.Value)
							p.consts[last] = append(p.consts[last], value)
						}
					}
				}
			}
			if g.Tok != token.TYPE {
				continue
			}
			for _, sp := range g.Specs {
				t := sp.(*ast.TypeSpec)
				text := ""
				start := set.Position(g.Pos()).Line
				if g.Doc != nil {
					text = raw(g.Doc)
					start = set.Position(g.Doc.Pos()).Line
				}
				if t.Doc != nil {
					text += raw(t.Doc)
				}
				if above, ok := comments[start-2]; ok {
					text = raw(above) + text
				}
				p.types[t.Name.Name] = &typeInfo{name: s.open + "." + t.Name.Name, pkg: p, spec: t, markers: markersOf(text)}
				p.files[t] = f
			}
		}
	}
}

func raw(g *ast.CommentGroup) string {
	b := strings.Builder{}
	for _, c := range g.List {
		b.WriteString(strings.TrimPrefix(c.Text, "//") + "\n")
	}
	return b.String()
}

var marker = regexp.MustCompile(`^\s*\+([A-Za-z0-9:_/]+)(?:[=](.*))?$`)

func markersOf(text string) map[string][]string {
	m := map[string][]string{}
	for _, line := range strings.Split(text, "\n") {
		if x := marker.FindStringSubmatch(strings.TrimRight(line, " ")); x != nil {
			m[x[1]] = append(m[x[1]], strings.TrimSpace(x[2]))
		}
	}
	return m
}

// resolve finds the declaration an expression names, or nil for a builtin.
func resolve(p *pkg, f *ast.File, e ast.Expr) *typeInfo {
	switch e := e.(type) {
	case *ast.Ident:
		return p.types[e.Name]
	case *ast.SelectorExpr:
		path := p.imports[f][e.X.(*ast.Ident).Name]
		if q := packages[path]; q != nil {
			return q.types[e.Sel.Name]
		}
	}
	return nil
}

// schemaOf is the schema of a Go type expression.
func schemaOf(p *pkg, f *ast.File, e ast.Expr) schema {
	switch e := e.(type) {
	case *ast.StarExpr:
		return schemaOf(p, f, e.X)
	case *ast.ArrayType:
		if id, ok := e.Elt.(*ast.Ident); ok && id.Name == "byte" {
			return schema{"type": "string", "format": "byte"}
		}
		return schema{"type": "array", "items": schemaOf(p, f, e.Elt)}
	case *ast.MapType:
		return schema{"type": "object", "additionalProperties": schemaOf(p, f, e.Value)}
	case *ast.InterfaceType:
		return schema{}
	case *ast.Ident:
		if t := p.types[e.Name]; t == nil {
			return basic(e.Name)
		}
	}
	t := resolve(p, f, e)
	if t == nil {
		return schema{"type": "object"}
	}
	if _, ok := special[t.name]; ok {
		return schema{"$ref": t.name}
	}
	if _, ok := t.spec.Type.(*ast.StructType); ok {
		return schema{"$ref": t.name}
	}
	s := schemaOf(t.pkg, t.pkg.files[t.spec], t.spec.Type)
	if _, ok := t.markers["enum"]; ok && s["type"] == "string" {
		values := append([]string{}, t.pkg.consts[t.spec.Name.Name]...)
		sort.Strings(values)
		s["enum"] = unique(values)
	}
	return s
}

func basic(name string) schema {
	switch name {
	case "string", "bool":
		return schema{"type": map[string]string{"string": "string", "bool": "boolean"}[name]}
	case "int32", "int", "int16", "uint16", "int8", "uint8", "uint32":
		return schema{"type": "integer", "format": "int32"}
	case "int64", "uint64":
		return schema{"type": "integer", "format": "int64"}
	case "float64", "float32":
		return schema{"type": "number", "format": "double"}
	case "error", "any":
		return schema{}
	}
	log.Fatalf("unknown builtin %s", name)
	return nil
}

type tags struct {
	json            string
	inline, omit    bool
	number          string
	strategy, merge string
}

func tagsOf(f *ast.Field) (tags, bool) {
	if f.Tag == nil {
		return tags{inline: len(f.Names) == 0}, len(f.Names) == 0
	}
	text, _ := strconv.Unquote(f.Tag.Value)
	tag := reflect.StructTag(text)
	parts := strings.Split(tag.Get("json"), ",")
	if parts[0] == "-" {
		return tags{}, false
	}
	t := tags{json: parts[0], strategy: tag.Get("patchStrategy"), merge: tag.Get("patchMergeKey")}
	for _, o := range parts[1:] {
		t.inline = t.inline || o == "inline"
		t.omit = t.omit || o == "omitempty" || o == "omitzero"
	}
	if pb := strings.Split(tag.Get("protobuf"), ","); len(pb) > 1 {
		t.number = pb[1]
	}
	if t.json == "" && len(f.Names) == 0 {
		t.inline = true
	}
	return t, true
}

func structSchema(t *typeInfo, st *ast.StructType) schema {
	s := schema{"type": "object"}
	props, required := map[string]any{}, []string{}
	addFields(t.pkg, t.pkg.files[t.spec], st, props, &required)
	if len(props) > 0 {
		s["properties"] = props
	}
	if len(required) > 0 {
		s["required"] = required
	}
	if v := t.markers["structType"]; len(v) > 0 && v[0] == "atomic" {
		s["x-kubernetes-map-type"] = "atomic"
	}
	return s
}

func addFields(p *pkg, f *ast.File, st *ast.StructType, props map[string]any, required *[]string) {
	for _, fd := range st.Fields.List {
		tg, ok := tagsOf(fd)
		if !ok {
			continue
		}
		if tg.inline {
			e := fd.Type
			if star, ok := e.(*ast.StarExpr); ok {
				e = star.X
			}
			t := resolve(p, f, e)
			if t == nil {
				continue
			}
			if inner, ok := t.spec.Type.(*ast.StructType); ok {
				addFields(t.pkg, t.pkg.files[t.spec], inner, props, required)
			}
			continue
		}
		m := map[string][]string{}
		if fd.Doc != nil {
			m = markersOf(raw(fd.Doc))
		}
		s := schemaOf(p, f, fd.Type)
		if tg.strategy != "" {
			s["x-kubernetes-patch-strategy"] = tg.strategy
		}
		if tg.merge != "" {
			s["x-kubernetes-patch-merge-key"] = tg.merge
		}
		if v := m["listType"]; len(v) > 0 {
			s["x-kubernetes-list-type"] = v[0]
		}
		if v := m["listMapKey"]; len(v) > 0 {
			s["x-kubernetes-list-map-keys"] = v
		}
		if v := m["mapType"]; len(v) > 0 {
			s["x-kubernetes-map-type"] = v[0]
		} else if v := m["structType"]; len(v) > 0 {
			s["x-kubernetes-map-type"] = v[0]
		}
		if v := m["default"]; len(v) > 0 {
			var value any
			if json.Unmarshal([]byte(v[0]), &value) == nil {
				s["default"] = value
			}
		}
		name := tg.json
		_, optional := m["optional"]
		_, mustHave := m["required"]
		if mustHave || (!optional && !tg.omit) {
			*required = append(*required, name)
		}
		props[name] = s
	}
}

// messageOf is the protobuf layout of a struct, by field number.
func messageOf(t *typeInfo, st *ast.StructType) map[string]field {
	out := map[string]field{}
	p, f := t.pkg, t.pkg.files[t.spec]
	for _, fd := range st.Fields.List {
		tg, ok := tagsOf(fd)
		if fd.Tag != nil {
			text, _ := strconv.Unquote(fd.Tag.Value)
			if pb := strings.Split(reflect.StructTag(text).Get("protobuf"), ","); len(pb) > 1 {
				tg.number = pb[1]
			}
			if parts := strings.Split(reflect.StructTag(text).Get("json"), ","); parts[0] == "-" {
				tg.json = "-"
				ok = true
			}
		}
		if !ok || tg.number == "" {
			continue
		}
		flags := 0
		e := fd.Type
		if star, ok := e.(*ast.StarExpr); ok {
			flags |= pointer
			e = star.X
		}
		if tg.omit {
			flags |= omitempty
		}
		name := tg.json
		if tg.inline {
			name = ""
		}
		if name == "-" && len(fd.Names) > 0 {
			name = strings.ToLower(fd.Names[0].Name[:1]) + fd.Names[0].Name[1:]
		}
		kind, rep, value := kindOf(p, f, e)
		if rep {
			flags |= repeated
		}
		out[tg.number] = field{name, kind, flags, value}
	}
	return out
}

func kindOf(p *pkg, f *ast.File, e ast.Expr) (kind string, rep bool, value any) {
	switch e := e.(type) {
	case *ast.StarExpr:
		return kindOf(p, f, e.X)
	case *ast.ArrayType:
		if id, ok := e.Elt.(*ast.Ident); ok && id.Name == "byte" {
			return "bytes", false, nil
		}
		k, _, _ := kindOf(p, f, e.Elt)
		return k, true, nil
	case *ast.MapType:
		k, r, _ := kindOf(p, f, e.Value)
		if r {
			return "map", false, map[string]any{"rep": k}
		}
		return "map", false, k
	case *ast.Ident:
		if p.types[e.Name] == nil {
			if e.Name == "float64" {
				return "float64", false, nil
			}
			return e.Name, false, nil
		}
	}
	t := resolve(p, f, e)
	if t == nil {
		return "string", false, nil
	}
	if _, ok := t.spec.Type.(*ast.StructType); ok || special[t.name] != nil {
		return "@" + t.name, false, nil
	}
	return kindOf(t.pkg, t.pkg.files[t.spec], t.spec.Type)
}

// typescript renders the schemas as readonly interfaces, as a server hands the objects out: a stored kind has its
// metadata and spec. Names are the kinds; where two packages share one, the older version, or the less used group,
// carries its group and version in front.
func typescript(schemas map[string]schema, clientgen map[string]map[string]bool) []byte {
	names := make([]string, 0, len(schemas))
	for n := range schemas {
		names = append(names, n)
	}
	sort.Strings(names)
	short, owner := map[string]string{}, map[string]string{}
	// v2 claims a name before v1, core before the rest.
	claims := append([]string{}, names...)
	sort.SliceStable(claims, func(i, j int) bool { return rank(claims[i]) < rank(claims[j]) })
	for _, n := range claims {
		base := n[strings.LastIndex(n, ".")+1:]
		if _, taken := owner[base]; taken {
			parts := strings.Split(n, ".")
			base = title(parts[len(parts)-3]) + title(parts[len(parts)-2]) + base
		}
		owner[base], short[n] = n, base
	}
	b := &bytes.Buffer{}
	b.WriteString("// Generated by tools/schema from k8s.io/api, k8s.io/apimachinery and k8s.io/apiextensions-apiserver v0.35.7.\n")
	b.WriteString("// Facts only (names, types, what is required); do not edit.\n\n")
	b.WriteString("/** Any JSON value. */\nexport type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }\n\n")
	b.WriteString("/** Metadata as the server hands it out. */\nexport interface StoredMeta extends ObjectMeta {\n  readonly name: string\n  readonly uid: string\n  readonly resourceVersion: string\n  readonly creationTimestamp: Time\n}\n\n")
	b.WriteString("/** Metadata of a stored object that lives in a namespace. */\nexport interface NamespacedMeta extends StoredMeta {\n  readonly namespace: string\n}\n\n")
	for _, n := range names {
		s := schemas[n]
		fmt.Fprintf(b, "/** %s */\n", strings.TrimPrefix(n, "io.k8s."))
		switch short[n] {
		case "Time", "MicroTime", "Duration":
			fmt.Fprintf(b, "export type %s = string\n\n", short[n])
			continue
		case "Quantity", "IntOrString":
			fmt.Fprintf(b, "export type %s = string | number\n\n", short[n])
			continue
		case "FieldsV1", "RawExtension":
			fmt.Fprintf(b, "export type %s = { readonly [key: string]: Json }\n\n", short[n])
			continue
		case "JSON", "JSONSchemaPropsOrBool", "JSONSchemaPropsOrArray", "JSONSchemaPropsOrStringArray":
			fmt.Fprintf(b, "export type %s = Json\n\n", short[n])
			continue
		}
		props, _ := s["properties"].(map[string]any)
		if len(props) == 0 {
			fmt.Fprintf(b, "export type %s = Record<string, never>\n\n", short[n])
			continue
		}
		required := map[string]bool{}
		if r, ok := s["required"].([]string); ok {
			for _, x := range r {
				required[x] = true
			}
		}
		fmt.Fprintf(b, "export interface %s {\n", short[n])
		keys := make([]string, 0, len(props))
		for k := range props {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			mark := "?"
			// A field that upstream requires on input may still be absent in a status that nobody has written.
			if required[k] {
				mark = ""
			}
			undefinedToo := ""
			if mark == "?" {
				undefinedToo = " | undefined"
			}
			key := k
			if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(k) {
				key = strconv.Quote(k)
			}
			text := tsType(props[k].(schema), short)
			if client, ok := clientgen[n]; ok && (k == "metadata" || k == "spec") {
				mark, undefinedToo = "", ""
				if k == "metadata" {
					text = map[bool]string{true: "StoredMeta", false: "NamespacedMeta"}[client["nonNamespaced"]]
				}
			}
			fmt.Fprintf(b, "  readonly %s%s: %s%s\n", key, mark, text, undefinedToo)
		}
		b.WriteString("}\n\n")
	}
	return b.Bytes()
}

func rank(name string) int {
	switch {
	case strings.Contains(name, ".core.v1."):
		return 0
	case strings.Contains(name, ".v2."):
		return 1
	}
	return 2
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func tsType(s schema, short map[string]string) string {
	if r, ok := s["$ref"].(string); ok {
		return short[r]
	}
	switch s["type"] {
	case "string":
		return "string"
	case "boolean":
		return "boolean"
	case "integer", "number":
		return "number"
	case "array":
		return "readonly " + wrap(tsType(s["items"].(schema), short)) + "[]"
	case "object":
		if a, ok := s["additionalProperties"].(schema); ok {
			return "{ readonly [key: string]: " + tsType(a, short) + " }"
		}
	}
	return "Json"
}

func wrap(t string) string {
	if strings.HasPrefix(t, "readonly ") || strings.Contains(t, "|") {
		return "(" + t + ")"
	}
	return t
}

func unique(in []string) []string {
	out := []string{}
	for i, s := range in {
		if i == 0 || s != in[i-1] {
			out = append(out, s)
		}
	}
	return out
}

func mustJSON(v any) []byte {
	b := &bytes.Buffer{}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	check(e.Encode(v))
	return b.Bytes()
}

func write(path string, data []byte) {
	check(os.MkdirAll(filepath.Dir(path), 0o755))
	check(os.WriteFile(path, data, 0o644))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
