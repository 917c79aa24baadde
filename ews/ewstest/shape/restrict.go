package shape

import (
	"cmp"
	"strconv"
	"strings"

	"mailferry/ews/ewstest/schema"
	"mailferry/ews/ewstest/soap"
)

// Matches evaluates a search expression; value tells what a path stands for.
func Matches(n *schema.Node, value func(path *schema.Node) (string, bool)) (bool, *soap.Error) {
	switch n.Name {
	case "t:And", "t:Or":
		for _, c := range n.Children {
			ok, err := Matches(c, value)
			if err != nil {
				return false, err
			}
			if ok == (n.Name == "t:Or") {
				return ok, nil
			}
		}
		return n.Name == "t:And", nil
	case "t:Not":
		ok, err := Matches(n.Children[0], value)
		return !ok, err
	case "t:Exists":
		_, ok := value(n.Children[0])
		return ok, nil
	case "t:Contains":
		v, ok := value(n.Children[0])
		return ok && contains(v, n.Child("t:Constant").Value("Value"), n.Value("ContainmentMode"), n.Value("ContainmentComparison")), nil
	case "t:Excludes":
		v, ok := value(n.Children[0])
		have, _ := strconv.ParseInt(v, 10, 64)
		mask, err := strconv.ParseInt(n.Child("t:Bitmask").Value("Value"), 0, 64)
		return ok && err == nil && have&mask == 0, nil
	}
	left, ok := value(n.Children[0])
	operand := n.Child("t:FieldURIOrConstant").Children[0]
	right, known := operand.Value("Value"), true
	if operand.Name != "t:Constant" {
		right, known = value(operand)
	}
	if !ok || !known {
		return n.Name == "t:IsNotEqualTo", nil
	}
	order := compare(left, right)
	switch n.Name {
	case "t:IsEqualTo":
		return order == 0, nil
	case "t:IsNotEqualTo":
		return order != 0, nil
	case "t:IsGreaterThan":
		return order > 0, nil
	case "t:IsGreaterThanOrEqualTo":
		return order >= 0, nil
	case "t:IsLessThan":
		return order < 0, nil
	case "t:IsLessThanOrEqualTo":
		return order <= 0, nil
	}
	return false, soap.Fail("ErrorUnsupportedQueryFilter", "The restriction can't be evaluated.")
}

// compare orders numbers by value and all else, times among it, as text
// without regard to case.
func compare(a, b string) int {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	if err1 == nil && err2 == nil {
		return cmp.Compare(x, y)
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

func contains(v, want, mode, comparison string) bool {
	if comparison != "" && comparison != "Exact" {
		v, want = strings.ToLower(v), strings.ToLower(want)
	}
	switch mode {
	case "Prefixed":
		return strings.HasPrefix(v, want)
	case "Substring", "ExactPhrase":
		return strings.Contains(v, want)
	case "PrefixOnWords":
		return strings.HasPrefix(v, want) || strings.Contains(v, " "+want)
	}
	return v == want
}
