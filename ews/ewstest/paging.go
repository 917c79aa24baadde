package ewstest

import (
	"strconv"
	"strings"

	"mailferry/ews/ewstest/schema"
	"mailferry/ews/ewstest/soap"
)

// page is the part of a list that a Find* answer holds.
type page struct {
	from, to int
	next     int // offset to go on from
	last     bool
}

func (p page) attrs(total int) []string {
	return []string{
		"IndexedPagingOffset", itoa(p.next), "TotalItemsInView", itoa(total), "IncludesLastItemInRange", strconv.FormatBool(p.last),
	}
}

// page finds the page that a request asks for in a list of n. Pages are capped
// as by EWSFindCountLimit: 1000, or 250 with a restriction since Exchange 2013.
func (c *call) page(op *schema.Node, n int, restricted bool) (page, *soap.Error) {
	limit := 1000
	if restricted && c.s.version.Major >= 15 {
		limit = 250
	}
	if p := c.s.policy().FindPage; p > 0 {
		limit = min(limit, p)
	}
	from, backwards := 0, false
	for _, v := range op.Children {
		if !strings.HasPrefix(v.Name, "m:Indexed") && !strings.HasPrefix(v.Name, "m:Fractional") {
			continue
		}
		if s, ok := v.Attr("MaxEntriesReturned"); ok {
			most := atoi(s)
			if most <= 0 {
				return page{}, soap.Fail("ErrorInvalidPagingMaxRows", "Paging max rows must be greater than zero.")
			}
			limit = min(limit, most)
		}
		if strings.HasPrefix(v.Name, "m:Fractional") {
			num, den := atoi(v.Value("Numerator")), atoi(v.Value("Denominator"))
			if num < 0 || den <= 0 || num > den {
				return page{}, soap.Fail("ErrorInvalidFractionalPagingParameters", "The numerator or the denominator is not valid.")
			}
			from = n * num / den
			continue
		}
		if from = atoi(v.Value("Offset")); from < 0 {
			return page{}, soap.Fail("ErrorInvalidIndexedPagingParameters", "The offset must not be negative.")
		}
		backwards = v.Value("BasePoint") == "End"
	}
	if c.faults["stuck-offset"] != nil {
		return page{next: max(from, 1), last: false}, nil
	}
	from = min(from, n)
	if backwards {
		to := n - from
		first := max(0, to-limit)
		return page{from: first, to: to, next: from + to - first, last: first == 0}, nil
	}
	to := min(from+limit, n)
	return page{from: from, to: to, next: to, last: to == n}, nil
}

func atoi(s string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(s)) // the schema check let only numbers in
	return n
}
