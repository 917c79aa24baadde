package shape

import (
	"encoding/base64"
	"strconv"
	"time"

	"mailferry/fts"
)

// Time writes a time as EWS does.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// texts writes a property value as one of the EWS type, and says whether it can.
func texts(typ string, value any) (values []string, array, ok bool) {
	each := func(one string, n int, at func(int) any) ([]string, bool, bool) {
		if n == 0 {
			return nil, true, false
		}
		for i := range n {
			v, _, ok := texts(one, at(i))
			if !ok {
				return nil, true, false
			}
			values = append(values, v...)
		}
		return values, true, true
	}
	switch v := value.(type) {
	case []string:
		if typ == "StringArray" {
			return each("String", len(v), func(i int) any { return v[i] })
		}
	case [][]byte:
		if typ == "BinaryArray" {
			return each("Binary", len(v), func(i int) any { return v[i] })
		}
	case []int32:
		if typ == "IntegerArray" {
			return each("Integer", len(v), func(i int) any { return v[i] })
		}
	case []fts.FileTime:
		if typ == "SystemTimeArray" {
			return each("SystemTime", len(v), func(i int) any { return v[i] })
		}
	case string:
		return []string{v}, false, typ == "String"
	case []byte:
		return []string{base64.StdEncoding.EncodeToString(v)}, false, typ == "Binary"
	case bool:
		return []string{strconv.FormatBool(v)}, false, typ == "Boolean"
	case int16:
		return integer(typ, int64(v))
	case int32:
		return integer(typ, int64(v))
	case int64:
		return integer(typ, v)
	case fts.FileTime:
		return []string{Time(v.Time())}, false, typ == "SystemTime"
	case fts.GUID:
		return []string{v.String()}, false, typ == "CLSID"
	case float32:
		return []string{strconv.FormatFloat(float64(v), 'g', -1, 32)}, false, typ == "Float"
	case float64:
		return []string{strconv.FormatFloat(v, 'g', -1, 64)}, false, typ == "Double"
	case fts.Currency:
		return []string{strconv.FormatInt(int64(v), 10)}, false, typ == "Currency"
	}
	return nil, false, false
}

func integer(typ string, n int64) ([]string, bool, bool) {
	s := []string{strconv.FormatInt(n, 10)}
	switch typ {
	case "Short":
		return s, false, n == int64(int16(n))
	case "Integer":
		return s, false, n == int64(int32(n))
	case "Long":
		return s, false, true
	}
	return nil, false, false
}
