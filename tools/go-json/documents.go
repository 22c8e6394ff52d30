package main

import (
	"math/rand"
	"slices"
	"strings"
)

const (
	linear  = "linear"
	ladder  = "ladder"
	entries = "entries"
	names   = "names"
)

type document struct{ kind, text string }

// documents gives those written by hand, then so many different random ones.
func documents(random int) []document {
	all := byHand()
	seen := map[document]bool{}
	for _, d := range all {
		seen[d] = true
	}
	author := author{rand.New(rand.NewSource(1))}
	for last := len(all) + random; len(all) < last; {
		d := author.document()
		if !seen[d] {
			seen[d] = true
			all = append(all, d)
		}
	}
	return all
}

// author writes random documents.
type author struct{ *rand.Rand }

func (a author) document() document {
	d := document{kind: a.pick(linear, linear, ladder, ladder, entries)}
	d.text = a.object(d.kind)
	if a.Intn(20) == 0 {
		d.text = a.value(2)
	}
	if a.Intn(5) < 2 {
		for range 1 + a.Intn(3) {
			d.text = a.mutate(d.text)
		}
	}
	return d
}

func (a author) pick(from ...string) string { return from[a.Intn(len(from))] }

func (a author) blank() string {
	if a.Intn(8) > 0 {
		return ""
	}
	return a.pick(" ", "\t", "\n", "\r\n", "  ")
}

var fields = map[string][]string{
	linear:  {"coresPerReplica", "nodesPerReplica", "min", "max", "preventSinglePointFailure", "includeUnschedulableNodes"},
	ladder:  {"coresToReplicas", "nodesToReplicas", "includeUnschedulableNodes"},
	entries: {"linear", "ladder", "<b>", "", "é", "\u2028", "😀", "\ufb01", "z", "Z", "a&b"},
}

// object is a document of the kind, mostly with the right types.
func (a author) object(kind string) string {
	members := []string{}
	for range a.Intn(5) {
		key := a.pick(fields[kind]...)
		members = append(members, a.blank()+a.key(key)+a.blank()+":"+a.blank()+a.valueFor(kind, key)+a.blank())
	}
	if len(members) > 0 && a.Intn(6) == 0 {
		members = append(members, a.pick(members...))
	}
	return "{" + strings.Join(members, ",") + "}" + a.blank()
}

// key is a literal that means the key, mostly.
func (a author) key(key string) string {
	switch a.Intn(12) {
	case 0:
		key = strings.ToUpper(key)
	case 1:
		key = strings.ToUpper(key[:min(1, len(key))]) + key[min(1, len(key)):]
	case 2:
		key = strings.ReplaceAll(key, "s", "ſ")
	case 3:
		key = strings.Replace(key, "n", `\u006e`, 1)
	case 4:
		key += a.pick("s", " ", "\xff", `\u0000`, `\ud800`)
	case 5:
		key = a.pick("unknown", "nodeToReplicas", "x")
	}
	return `"` + key + `"`
}

func (a author) valueFor(kind, key string) string {
	if kind == entries || a.Intn(12) == 0 {
		return a.value(2)
	}
	switch {
	case strings.HasSuffix(key, "ToReplicas"):
		return a.ladder()
	case strings.HasSuffix(key, "PerReplica"):
		return a.pick("1", "16", "2.5", a.number())
	case key == "min" || key == "max":
		return a.pick("1", "2", "100", "-1", "null", a.number())
	}
	return a.pick("true", "false", "null")
}

func (a author) ladder() string {
	steps := []string{}
	for range a.Intn(4) {
		switch a.Intn(16) {
		case 0, 1:
			steps = append(steps, "null")
		case 2:
			steps = append(steps, a.value(2))
		default:
			step := []string{}
			for range a.pick("", "x", "xx", "xx", "xx", "xxx") {
				step = append(step, a.pick("0", "1", "2", "3", "5", "8", "16", "64", "null", "null", a.integer()))
			}
			steps = append(steps, "["+strings.Join(step, ",")+"]")
		}
	}
	return "[" + strings.Join(steps, ","+a.blank()) + "]"
}

func (a author) integer() string {
	return a.pick("4096", "-7", "-0", "9007199254740991", "9223372036854775807", "9223372036854775808", "2.0", "1e2")
}

func (a author) number() string {
	return a.pick("0", "1", "2", "3", "16", "100", "256", "-1", "-0", "0.5", "2.0", "1e2", "1E+2", "1e-7", "-2.5",
		"9007199254740991", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
		"1e999", "-1e400", "1e-400", "1e21", "123456789012345678901234567890", "0.1", "0.000001", "0.0000001", "1.7976931348623159e308")
}

func (a author) value(depth int) string {
	if depth > 0 && a.Intn(3) == 0 {
		inner := []string{}
		for range a.Intn(4) {
			inner = append(inner, a.value(depth-1))
		}
		if a.Intn(2) == 0 {
			return "[" + strings.Join(inner, ",") + "]"
		}
		for i := range inner {
			inner[i] = a.key(a.pick(fields[entries]...)) + ":" + inner[i]
		}
		return "{" + strings.Join(inner, ",") + "}"
	}
	if a.Intn(3) == 0 {
		return a.number()
	}
	return a.pick("true", "false", "null", `"true"`, `"2"`, `""`, `"<&>"`, `"é"`, `"\ud83d\ude00"`, `"\ude00"`, "\"\u2029\"", "\"a\xe2\x82\"", `"\/\b\f\n\r\t\u001f\u007f"`, "[]", "{}")
}

var fragments = []string{
	"{", "}", "[", "]", ",", ":", `"`, `'`, `\`, "\x00", "\x07", "\n", "\t", "\x7f", "\x85", "\xa0", "\xc3", "\xff", "é", "€",
	"-", "+", ".", "e", "0", "1", "x", "u", "t", "/", " ", "true", "nul", "//", `\u`, `\u12`, `\x`, "NaN", "\ufeff",
}

// mutate spoils a document in one place, or tries to.
func (a author) mutate(text string) string {
	if text == "" {
		return a.pick(fragments...)
	}
	at := a.Intn(len(text))
	switch a.Intn(6) {
	case 0:
		return text[:at] + text[at+1:]
	case 1:
		return text[:at] + a.pick(fragments...) + text[at:]
	case 2:
		return text[:at] + a.pick(fragments...) + text[at+1:]
	case 3:
		return text[:at]
	case 4:
		from := a.pick("1", "2", "0", "true", "false", "null", `"`, "[", "]")
		return strings.Replace(text, from, a.value(1), 1)
	default:
		return text + a.pick(fragments...)
	}
}

// byHand is one document or more for each rule that is known to matter.
func byHand() []document {
	all := []document{}
	add := func(texts []string, kinds ...string) {
		for _, text := range texts {
			for _, kind := range kinds {
				all = append(all, document{kind, text})
			}
		}
	}
	add(anything, linear, ladder, entries)
	add(slices.Concat(syntax, everyByteAtTheStart()), entries)
	add(ofLinear, linear)
	add(ofLadder, ladder)
	add(ofEntries, entries)
	add(ofNames, names)
	add([]string{strings.Repeat("[", 10_001)}, ladder)
	add([]string{strings.Repeat("[", 10_000), `{"a":` + strings.Repeat("[", 9_999) + strings.Repeat("]", 9_999) + "}"}, entries)
	return all
}

func everyByteAtTheStart() []string {
	texts := []string{}
	for b := range 256 {
		texts = append(texts, string([]byte{byte(b)}))
	}
	return texts
}

// anything is asked of all three.
var anything = []string{
	"", " ", "\n", "null", " null ", "true", "false", "0", "-1", "1.5", "1e999", `"text"`, `""`, "[]", "[1]", `[{"min":2}]`, "{}", " { } ",
	"{}{}", "{} x", "{},", "null null", `{"x":1}`, `{"x":{"min":[2]},"X":1,"x":null}`, `{"":0}`, "\ufeff{}", "// no\n{}", "{}\x00",
	`{"includeUnschedulableNodes":"true"}`, `{"includeUnschedulableNodes":1}`, `{"INCLUDEUNSCHEDULABLENODES":true}`,
	`{"includeUnſchedulableNodeſ":true}`, `{"includeUnschedulableNodes":true,"includeUnschedulableNodes":null}`,
	`{"includeUnschedulableNodes":true,"IncludeUnschedulableNodes":false}`, `{"includeUnschedulableNodes":[]}`,
	`{"includeUnschedulableNodes":{}}`, `{"x":1e999}`, "{\"\xff\":1}", "{\"\xe2\x82\":1,\"\xed\xa0\x80\":2}", `{"\ud800":1}`,
}

// syntax is what only the scanner sees.
var syntax = []string{
	"{", "[", "}", "]", "{]", "[}", "{,}", "[,]", "[1,]", "[1 2]", "[1:2]", `{"a"}`, `{"a",}`, `{"a" 1}`, `{"a":}`, `{"a":1,}`, `{"a":1 "b":2}`,
	`{"a":1]`, `{"a":1:2}`, "{a:1}", "{1:1}", "{'a':1}", `{"a":1,b:2}`, `{"a":'b'}`, `{"a":`, `{"a"`, `{"a":1`, `{"a":1,`, `{"`, `{"a":"`, "[1", "[1,",
	"-", "-x", "- 1", "+1", "01", "-01", "00", "1.", "1.x", "1.e1", ".5", "1e", "1ex", "1e+", "1e+x", "1e-", "1E", "1.5e", "0x10", "1x", "1 x", "-0", "0.0", "1_0",
	"t", "tr", "tru", "truex", "tRue", "trux", "True", "f", "fa", "fal", "fals", "falze", "fxlse", "faxse", "falsee", "n", "nu", "nul", "nil", "nuxl", "nulx", "nullx", "None", "NaN", "Infinity", "undefined",
	`"`, `"a`, `"\`, `"\"`, `"\x"`, `"\'"`, `"\a"`, `"\0"`, `"\u"`, `"\u1"`, `"\u12"`, `"\u123"`, `"\u12g4"`, `"\u 123"`, `"\uD800\u"`, `"\U0041"`, "\"\x00\"", "\"\n\"", "\"\t\"", "\"\r\"", "\"\x1f\"", "\"\x7f\"", "\"\\\n\"", "\"\\\xff\"",
	`"\u12é4"`, "[1é]", "[1\xa0]", "[\"a\"\u2028]", "\v1", "\f1", "\xef\xbb\xbf1", "{\"a\" \x00:1}", "[1 \x7f]", "[1 \xad]", "[1 \x9f]", "[1 \xff]", "[1 \\]", "[1 ']", "[1 \"]", "{\"a\":1 \a}", "1 \b", "1 \v", "1 \x1b", "/**/1", "1/**/", "#", "[1]#",
}

var ofLinear = []string{
	`{"coresPerReplica":2,"nodesPerReplica":1,"min":1,"max":100,"preventSinglePointFailure":true,"includeUnschedulableNodes":false}`,
	`{"nodesPerReplica":2.5,"coresPerReplica":1e2}`, `{"CoresPerReplica":1,"NODESPERREPLICA":2,"Min":3,"mAx":4}`,
	`{"min":2.0}`, `{"min":1e2}`, `{"min":1.5}`, `{"min":-0}`, `{"min":-3}`, `{"min":9223372036854775807}`, `{"min":9223372036854775808}`,
	`{"min":-9223372036854775808}`, `{"min":-9223372036854775809}`, `{"min":99999999999999999999999}`, `{"min":9007199254740991}`, `{"min":1E0}`, `{"min":0.0}`,
	`{"min":"2"}`, `{"min":true}`, `{"min":false}`, `{"min":null}`, `{"min":[]}`, `{"min":{}}`, `{"min":[1e999]}`, `{"min":{"min":"x"}}`,
	`{"coresPerReplica":"2"}`, `{"coresPerReplica":true}`, `{"coresPerReplica":null}`, `{"coresPerReplica":[1]}`, `{"coresPerReplica":{"a":1}}`,
	`{"coresPerReplica":-0}`, `{"coresPerReplica":-0.0}`, `{"coresPerReplica":1e999}`, `{"coresPerReplica":-1e999}`, `{"coresPerReplica":1e-999}`, `{"coresPerReplica":-1e-999}`,
	`{"coresPerReplica":1.7976931348623157e308}`, `{"coresPerReplica":1.7976931348623158e308}`, `{"coresPerReplica":1.7976931348623159e308}`, `{"coresPerReplica":5e-324}`, `{"coresPerReplica":2e-324}`,
	`{"coresPerReplica":0.1}`, `{"coresPerReplica":0.30000000000000004}`, `{"coresPerReplica":9007199254740993}`, `{"coresPerReplica":100000000000000000000000}`,
	`{"preventSinglePointFailure":"true"}`, `{"preventSinglePointFailure":0}`, `{"preventSinglePointFailure":null}`, `{"preventSinglePointFailure":2.0}`,
	`{"min":1,"min":2}`, `{"min":1,"MIN":2}`, `{"MIN":1,"min":2}`, `{"min":5,"Min":null}`, `{"min":5,"min":"x"}`, `{"min":"x","min":5}`, `{"min":"x","max":true}`, `{"max":true,"min":"x"}`,
	`{"min":"x","max":}`, `{"min":"x"`, `{"min":1.5,"coresPerReplica":1e999}`, `{"a":1,"b":2,"a":3,"min":1,"c":[{"min":"x"}]}`, `{"m\u0069n":7}`, `{"\u006d\u0069\u006e":7}`, `{"mın":7}`, `{"mİn":7}`, `{"min ":7}`, `{"min\u0000":7}`,
	`{"nodeſPerReplica":3}`, `{"noDesPerReplica":3}`, `{"go":"CoresPerReplica"}`, `{"linear":{"min":1}}`, `["min"]`, `"{\"min\":1}"`,
	`{"min":2,}`, `{"min":2 "max":3}`, `{"min":foo}`, `{invalid:json}`, "{\n\t\"min\": 2, // two\n}", `{"min": 2}` + "\n", `{"min":1}` + "\xff", "{\"min\":1,\"\xff\":2}", `{"__proto__":1,"constructor":2,"toString":3}`,
}

var ofLadder = []string{
	`{"coresToReplicas":[[1,1],[64,3],[512,5],[1024,7],[2048,10],[4096,15]],"nodesToReplicas":[[1,1],[2,2]]}`,
	`{"nodesToReplicas":[]}`, `{"nodesToReplicas":null}`, `{"nodesToReplicas":[null]}`, `{"nodesToReplicas":[[]]}`, `{"nodesToReplicas":[[5]]}`, `{"nodesToReplicas":[[1,2,3]]}`, `{"nodesToReplicas":[[1,2,"x",{},[1e999]]]}`,
	`{"nodesToReplicas":[[null,null]]}`, `{"nodesToReplicas":[[null,2]]}`, `{"nodesToReplicas":[[1,null]]}`, `{"nodesToReplicas":[[-1,2]]}`, `{"nodesToReplicas":[[-0,2]]}`, `{"nodesToReplicas":[[9007199254740991,9223372036854775807]]}`,
	`{"nodesToReplicas":[["1",2]]}`, `{"nodesToReplicas":[[1,"2"]]}`, `{"nodesToReplicas":[[1,2.0]]}`, `{"nodesToReplicas":[[1e2,2]]}`, `{"nodesToReplicas":[[1,true]]}`, `{"nodesToReplicas":[[1,[2]]]}`, `{"nodesToReplicas":[[1,{}]]}`, `{"nodesToReplicas":[[9223372036854775808,1]]}`,
	`{"nodesToReplicas":[1]}`, `{"nodesToReplicas":[1,2]}`, `{"nodesToReplicas":["1,2"]}`, `{"nodesToReplicas":[true]}`, `{"nodesToReplicas":[{}]}`, `{"nodesToReplicas":[{"0":1}]}`, `{"nodesToReplicas":[[1,2],3,"x"]}`, `{"nodesToReplicas":[[1,2],null,[3,4]]}`,
	`{"nodesToReplicas":1}`, `{"nodesToReplicas":1.5}`, `{"nodesToReplicas":"[[1,2]]"}`, `{"nodesToReplicas":""}`, `{"nodesToReplicas":true}`, `{"nodesToReplicas":{}}`, `{"nodesToReplicas":{"1":1}}`, `{"nodesToReplicas":[[[1,2]]]}`,
	`{"nodesToReplicas":[[1,1]],"nodesToReplicas":[[2,2]]}`, `{"nodesToReplicas":[[1,1],[2,2]],"NodesToReplicas":[[3,3]]}`, `{"nodesToReplicas":[[1,1]],"nodesToReplicas":null}`, `{"nodesToReplicas":[[1,1]],"nodesToReplicas":[]}`,
	// What a list held before shows through null.
	`{"nodesToReplicas":[[1,2],[3,4]],"nodesToReplicas":[null]}`, `{"nodesToReplicas":[[1,2],[3,4]],"nodesToReplicas":[null,null,null]}`, `{"nodesToReplicas":[[1,2],[3,4]],"nodesToReplicas":[[null,9],[9,null]]}`,
	`{"nodesToReplicas":[[1,2],[3,4],[5,6]],"nodesToReplicas":[[7,8]],"nodesToReplicas":[null,null,null]}`, `{"nodesToReplicas":[[1,2],[3,4]],"nodesToReplicas":[],"nodesToReplicas":[null,null]}`, `{"nodesToReplicas":[[1,2],[3,4]],"nodesToReplicas":null,"nodesToReplicas":[null,null]}`,
	`{"nodesToReplicas":[[1,2],[3,4]],"nodesToReplicas":[[7]],"nodesToReplicas":[[null,null],[null]]}`, `{"nodesToReplicas":[[1,2],[3,4]],"nodesToReplicas":[[],null]}`, `{"nodesToReplicas":[[1,1],[2,2],[3,3],[4,4],[5,5]],"nodesToReplicas":[[9,9]],"nodesToReplicas":[null,null,null,null,null,null,null,null,null]}`,
	`{"nodesToReplicas":[["x",2]],"coresToReplicas":[[1.5,2]]}`, `{"coresToReplicas":[[1.5,2]],"nodesToReplicas":[["x",2]]}`, `{"coresToReplicas":[[true,"x"]]}`, `{"coresToReplicas":[[1,2],{"a":["x"]},[true]]}`, `{"min":"x","coresToReplicas":[[1,1]]}`,
	`{"nodeToReplicas":[[1,1]]}`, `{"COREſTOREPLICAS":[[1,1]]}`, `{"coresToReplicas":[[1,1],]}`, `{"coresToReplicas":[[1,1] [2,2]]}`, `{"coresToReplicas":[[1 1]]}`, `{"coresToReplicas":[[1,1]}`, `{"coresToReplicas":[[1,1]]]`, `{"coresToReplicas":foo}`,
	`{"coresToReplicas":[[1,1]],"includeUnschedulableNodes":"true"}`,
}

var ofEntries = []string{
	`{"linear":{"coresPerReplica":2,"nodesPerReplica":1,"min":1}}`, `{"ladder":{"nodesToReplicas":[[1,1],[2,2]]}}`, `{"linear":"{\"min\":1}"}`, `{"linear":null,"ladder":true,"x":[]}`,
	`{"a":{"z":1,"y":2,"x":{"b":1,"a":2}}}`, `{"a":{"k":1,"k":2}}`, `{"a":1,"a":{"b":2}}`, `{"a":{"b":1},"a":{"c":2}}`, `{"a":{"b":{"c":1},"b":{"d":1}}}`, `{"A":1,"a":2}`,
	`{"a":"<script>&amp;</script>"}`, "{\"a\":\"\u2028\u2029\"}", `{"a":"\u2028\u003c\u0000\u001f\u007f\u0080\ufffe"}`, `{"a":"\"\\\/\b\f\n\r\t"}`, `{"a":"\ud83d\ude00"}`, `{"a":"\ud83d"}`, `{"a":"\ude00\ud83d"}`, `{"a":"\ud83d\ud83d\ude00"}`, `{"a":"\ud83dx\ude00"}`, `{"a":"\ud83d\u0041"}`,
	"{\"a\":\"\xff\xfe\"}", "{\"a\":\"\xe2\x82\"}", "{\"a\":\"\xe2\x82x\"}", "{\"a\":\"\xf0\x9f\x98\"}", "{\"a\":\"\xf0\x9f\x98\x80\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xed\x9f\xbf\"}", "{\"a\":\"\xee\x80\x80\"}", "{\"a\":\"\xc0\x80\"}", "{\"a\":\"\xc1\xbf\xc2\x80\"}", "{\"a\":\"\xe0\x80\x80\xe0\xa0\x80\"}", "{\"a\":\"\xf4\x8f\xbf\xbf\xf4\x90\x80\x80\"}", "{\"a\":\"\xf5\x80\x80\x80\xf8\x88\x80\x80\x80\"}", "{\"a\":\"\xf0\x80\x80\x80\xf0\x90\x80\x80\"}", "{\"a\":\"\xf8\x90\x80\x80\xff\x90\x80\x80\"}", "{\"a\":\"\xc3(\"}", "{\"a\":\"\xef\xbb\xbf\"}", "{\"a\":\"\xed\xa0\xbd\xed\xb8\x80\"}", "{\"a\":\"\\ud83d\xed\xb8\x80\"}",
	"{\"\xff\":1,\"\xfe\":2}", `{"<":{"<":1}}`, "{\"a\":{\"\ufb01\":1,\"😀\":2,\"z\":3,\"\":4,\"é\":5}}", `{"a":{"aa":1,"a":2,"A":3,"_":4,"10":5,"9":6}}`, `{"__proto__":{"__proto__":1},"constructor":1}`,
	`{"a":[1,1.0,1e0,100,1e2,1E+2,0.1e3,-0,-0.0,0e5,1.50,1e20,1e21,1e22,123456789012345680000,1234567890123456789012]}`, `{"a":[0.000001,0.0000001,1e-6,1e-7,1e-9,1e-10,1.5e-300,5e-324,1e-400,-1e-400]}`,
	`{"a":[9007199254740992,9007199254740993,9223372036854775807,0.1,0.2,0.30000000000000004,3.14,1.7976931348623157e308,1.7976931348623158e308,4.35,2.2250738585072011e-308]}`,
	`{"a":1e999}`, `{"a":-1e999}`, `{"a":[1e400,1e500]}`, `{"a":{"b":1e400},"c":1e500}`, `{"a":1.7976931348623159e308}`, `{"a":1e400,"b":}`, `{"a":1e400,"a":1}`, `[1e999]`, `{"a": [ 1 , { "b" : null } , "x" ] , "b" : { } }`,
	`{"a":[[],{},[[]],[{}],{"a":{}},{"a":[]}]}`, `{"a":"b","b":["a","b"],"c":{"a":"b","b":"a"}}`,
}

var ofNames = []string{
	`{"key":1}`, `{"KEY":1}`, `{"Key":1}`, `{"KEY":1,"key":2,"kEy":3}`, `{"kEy":1,"KEY":2,"key":null}`, `{"Key":"x"}`, `{"KEY":"x"}`, `null`, `[]`,
	"{\"\u212aey\":1}", "{\"\u212aEY\":1}", `{"\u212aEY":1}`, "{\"tas\u212a\":1}", `{"ta\u017fk":1}`, `{"TA\u017f\u212A":1}`, `{"ta\u00dfk":1}`, `{"\uff4bey":1}`, `{"task":1,"TASK":2,"TaSk":3}`, `{"tasks":1,"tas":2}`,
}
