package schema

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed requests.txt
var source string

// complexType is the shape of an element with children or attributes.
type complexType struct {
	attrs    []attribute
	children []particle
}

type attribute struct {
	name, typ string
	required  bool
}

// particle is one place in the order of children.
type particle struct {
	alts []alternative
	min  int
	max  int // -1 is unbounded
}

type alternative struct{ name, typ string }

type table struct {
	types map[string]*complexType
	enums map[string][]string
}

var load = sync.OnceValue(func() *table {
	t, err := parse(source)
	if err != nil {
		panic(err)
	}
	return t
})

func parse(source string) (*table, error) {
	t := &table{types: map[string]*complexType{}, enums: map[string][]string{}}
	groups := map[string]string{}
	for n, line := range strings.Split(source, "\n") {
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || f[0] == "#":
			continue
		case f[0] == "group":
			groups[f[1]] = f[2]
			continue
		case f[0] == "enum":
			t.enums[f[1]] = append(t.enums[f[1]], f[2:]...)
			continue
		}
		c := &complexType{}
		colon := slices.Index(f, ":")
		if colon < 0 {
			return nil, fmt.Errorf("requests.txt, line %d: no colon", n+1)
		}
		for _, a := range f[1:colon] {
			i := strings.IndexAny(a, "!?")
			c.attrs = append(c.attrs, attribute{name: a[:i], typ: a[i+1:], required: a[i] == '!'})
		}
		for _, p := range f[colon+1:] {
			part := particle{min: 1, max: 1}
			switch p[len(p)-1] {
			case '?':
				part.min = 0
			case '*':
				part.min, part.max = 0, -1
			case '+':
				part.max = -1
			}
			p = strings.TrimRight(p, "?*+")
			for _, alt := range strings.Split(p, "/") {
				if strings.HasPrefix(alt, "$") {
					for _, a := range strings.Split(groups[alt[1:]], "/") {
						part.add(a)
					}
					continue
				}
				part.add(alt)
			}
			c.children = append(c.children, part)
		}
		t.types[f[0]] = c
	}
	return t, nil
}

func (p *particle) add(s string) {
	name, typ, _ := strings.Cut(s, "=")
	p.alts = append(p.alts, alternative{name, typ})
}

func (p *particle) find(name string) (string, bool) {
	for _, a := range p.alts {
		if a.name == name {
			return a.typ, true
		}
	}
	return "", false
}

func (p *particle) names() string {
	names := make([]string, len(p.alts))
	for i, a := range p.alts {
		names[i] = "'" + a.name + "'"
	}
	return strings.Join(names, ", ")
}

var (
	guidValue = regexp.MustCompile(`^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$`)
	tagValue  = regexp.MustCompile(`^(0x|0X)[0-9A-Fa-f]{1,4}$`)
)

// check says whether value is one of the simple type, and if not why.
func (t *table) check(typ, value string) error {
	ok := true
	trimmed := strings.TrimSpace(value)
	switch typ {
	case "string", "any":
	case "nonempty":
		ok = value != ""
	case "boolean":
		ok = trimmed == "true" || trimmed == "false" || trimmed == "0" || trimmed == "1"
	case "int":
		_, err := strconv.ParseInt(trimmed, 10, 32)
		ok = err == nil
	case "changes":
		n, err := strconv.Atoi(trimmed)
		ok = err == nil && n >= 1 && n <= 512
	case "guid":
		ok = guidValue.MatchString(trimmed)
	case "tag":
		_, err := strconv.ParseUint(trimmed, 10, 16)
		ok = err == nil || tagValue.MatchString(trimmed)
	default:
		values, known := t.enums[typ]
		if !known {
			return fmt.Errorf("the type %s is not in requests.txt", typ)
		}
		ok = slices.ContainsFunc(values, func(v string) bool {
			rest, open := strings.CutSuffix(v, "*")
			return v == value || open && strings.HasPrefix(value, rest)
		})
	}
	if !ok {
		return fmt.Errorf("the value '%.100s' is invalid according to its datatype '%s'", value, typ)
	}
	return nil
}
