package ewstest

import (
	"fmt"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

// serverVersion is what the server says it is.
type serverVersion struct {
	major, minor, build, revision int
	schema                        string
	newest                        int // index into versions of the newest request version it takes
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
		return serverVersion{14, 1, 218, 15, "Exchange2010_SP1", versionIndex("Exchange2010_SP1")}, nil
	case "2013_SP1":
		return serverVersion{15, 0, 847, 32, "V2_23", versionIndex("Exchange2013_SP1")}, nil
	case "", "2016":
		return serverVersion{15, 1, 2507, 39, "V2017_07_11", versionIndex("Exchange2016")}, nil
	case "SE":
		return serverVersion{15, 2, 2562, 17, "V2017_07_11", versionIndex("Exchange2016")}, nil
	}
	return serverVersion{}, fmt.Errorf("server version %q: want 2010_SP1, 2013_SP1, 2016 or SE", s)
}
