package fts

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// slowReader gives a byte at a time, and now and then none.
type slowReader struct {
	b []byte
	n int
}

func (r *slowReader) Read(p []byte) (int, error) {
	if r.n++; r.n%7 == 0 || len(p) == 0 {
		return 0, nil
	}
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	p[0] = r.b[0]
	r.b = r.b[1:]
	return 1, nil
}

// named compares the named properties of a message with the expected ones, both ways.
func (c checker) named(p Props, w *truthMessage) {
	want := map[string]truthNamed{}
	for _, n := range w.Named {
		if n.InStream == nil || *n.InStream {
			want[truthName(n)] = n
		}
	}
	for _, prop := range p {
		if prop.Name == nil {
			continue
		}
		key := prop.Name.Set.String() + " " + strconv.Itoa(int(prop.Name.LID)) + " " + prop.Name.Text
		n, ok := want[key]
		if !ok {
			c.t.Errorf("named property %s, want none", key)
			continue
		}
		delete(want, key)
		l, _ := layoutOf(prop.Tag.Type())
		c.equal(key+" type", strings.ToUpper(pad(strconv.FormatUint(uint64(l.canonical()), 16))), n.Type)
		c.namedValue(key, prop.Value, n)
	}
	for key := range want {
		c.t.Errorf("named property %s is missing", key)
	}
	var categories []string
	if k, ok := p.Named(Name{Set: PSPublicStrings, Text: "Keywords"}); ok {
		categories = k.Value.([]string)
	}
	c.equal("categories", categories, w.Categories)
}

func truthName(n truthNamed) string {
	lid := 0
	if n.LID != nil {
		lid = int(*n.LID)
	}
	return n.GUID + " " + strconv.Itoa(lid) + " " + n.Name
}

func pad(s string) string { return strings.Repeat("0", 4-len(s)) + s }

// namedValue compares a value with its JSON form.
func (c checker) namedValue(key string, v any, n truthNamed) {
	if n.ValueChars != nil {
		s, ok := v.(string)
		if !ok {
			s = hex.EncodeToString(v.([]byte))
		}
		c.equal(key+" chars", utf8.RuneCountInString(s), *n.ValueChars)
		c.equal(key+" sha256", hexSum([]byte(s)), n.ValueSHA256)
		return
	}
	dec := json.NewDecoder(strings.NewReader(string(n.Value)))
	dec.UseNumber()
	var want any
	if err := dec.Decode(&want); err != nil {
		c.t.Fatalf("%s: %v", key, err)
	}
	list := func(n int, at func(int) any) any {
		all := make([]any, n)
		for i := range all {
			all[i] = jsonForm(at(i))
		}
		return all
	}
	var got any
	switch v := v.(type) {
	case []int16:
		got = list(len(v), func(i int) any { return v[i] })
	case []int32:
		got = list(len(v), func(i int) any { return v[i] })
	case []int64:
		got = list(len(v), func(i int) any { return v[i] })
	case []float32:
		got = list(len(v), func(i int) any { return v[i] })
	case []float64:
		got = list(len(v), func(i int) any { return v[i] })
	case []Currency:
		got = list(len(v), func(i int) any { return v[i] })
	case []FloatingTime:
		got = list(len(v), func(i int) any { return v[i] })
	case []FileTime:
		got = list(len(v), func(i int) any { return v[i] })
	case []GUID:
		got = list(len(v), func(i int) any { return v[i] })
	case []string:
		got = list(len(v), func(i int) any { return v[i] })
	case [][]byte:
		got = list(len(v), func(i int) any { return v[i] })
	default:
		got = jsonForm(v)
	}
	if f, ok := want.(json.Number); ok && strings.ContainsAny(f.String(), ".eE") {
		want = floatForm(f)
	}
	if all, ok := want.([]any); ok {
		for i := range all {
			if f, ok := all[i].(json.Number); ok {
				if _, isFloat := got.([]any)[i].(float64); isFloat {
					all[i] = floatForm(f)
				}
			}
		}
	}
	if f, ok := want.(json.Number); ok {
		if _, isFloat := got.(float64); isFloat {
			want = floatForm(f)
		}
	}
	c.equal(key, got, want)
}

func floatForm(n json.Number) float64 {
	f, _ := n.Float64()
	return f
}

func jsonForm(v any) any {
	switch v := v.(type) {
	case int16:
		return json.Number(strconv.Itoa(int(v)))
	case int32:
		return json.Number(strconv.Itoa(int(v)))
	case int64:
		return json.Number(strconv.FormatInt(v, 10))
	case Currency:
		return json.Number(strconv.FormatInt(int64(v), 10))
	case FileTime:
		return json.Number(strconv.FormatUint(uint64(v), 10))
	case float32:
		return math.Round(float64(v)*1e6) / 1e6
	case float64:
		return v
	case FloatingTime:
		return float64(v)
	case GUID:
		return v.String()
	case []byte:
		return hex.EncodeToString(v)
	}
	return v
}
