package ewstest

import (
	"fmt"
	"strconv"

	"mailferry/ews/ewstest/soap"
)

func itoa(n int) string { return strconv.Itoa(n) }

// serverVersion is what the server says it is.
type serverVersion struct {
	soap.Version
	newest int // index into versions of the newest request version it takes
}

// versions are the request versions of the schemas, oldest first.
var versions = []string{
	"Exchange2007", "Exchange2007_SP1", "Exchange2010", "Exchange2010_SP1", "Exchange2010_SP2",
	"Exchange2013", "Exchange2013_SP1", "Exchange2016",
}

func versionIndex(name string) int {
	for i, v := range versions {
		if v == name {
			return i
		}
	}
	return -1
}

// firstWithTransfer is the oldest request version that has ExportItems and UploadItems.
var firstWithTransfer = versionIndex("Exchange2010_SP1")

func parseVersion(s string) (serverVersion, error) {
	switch s {
	case "2010_SP1":
		return serverVersion{soap.Version{Major: 14, Minor: 1, Build: 218, Revision: 15, Schema: "Exchange2010_SP1"}, versionIndex("Exchange2010_SP1")}, nil
	case "2013_SP1":
		return serverVersion{soap.Version{Major: 15, Minor: 0, Build: 847, Revision: 32, Schema: "V2_23"}, versionIndex("Exchange2013_SP1")}, nil
	case "", "2016":
		return serverVersion{soap.Version{Major: 15, Minor: 1, Build: 2507, Revision: 39, Schema: "V2017_07_11"}, versionIndex("Exchange2016")}, nil
	case "SE":
		return serverVersion{soap.Version{Major: 15, Minor: 2, Build: 2562, Revision: 17, Schema: "V2017_07_11"}, versionIndex("Exchange2016")}, nil
	}
	return serverVersion{}, fmt.Errorf("server version %q: want 2010_SP1, 2013_SP1, 2016 or SE", s)
}
