package main

import (
	"fmt"

	"mailferry/ews"
)

// cumulative lists the builds of the cumulative updates of each version, the first
// release before them as update 0; from Microsoft's page "Exchange Server build
// numbers and release dates".
var cumulative = map[[2]int][]int{
	{15, 0}: {516, 620, 712, 775, 847, 913, 995, 1044, 1076, 1104, 1130, 1156, 1178, 1210, 1236, 1263, 1293, 1320, 1347, 1365, 1367, 1395, 1473, 1497},
	{15, 1}: {225, 396, 466, 544, 669, 845, 1034, 1261, 1415, 1466, 1531, 1591, 1713, 1779, 1847, 1913, 1979, 2044, 2106, 2176, 2242, 2308, 2375, 2507},
	{15, 2}: {221, 330, 397, 464, 529, 595, 659, 721, 792, 858, 922, 986, 1118, 1258, 1544, 1748},
}

// firstSE is the build of the first release of Exchange SE, which goes on where
// 2019 ended.
const firstSE = 2562

// productName names a server as people do, "" where that is not known.
func productName(v ews.ServerVersion) string {
	switch {
	case v.Major == 8:
		return "Exchange 2007"
	case v.Major == 14 && v.Minor == 0:
		return "Exchange 2010"
	case v.Major == 14:
		return fmt.Sprintf("Exchange 2010 SP%d", v.Minor)
	case v.Major == 15 && v.Minor == 20:
		return "Exchange Online"
	case v.Major == 15 && v.Minor == 2 && v.MajorBuild >= firstSE:
		return "Exchange SE"
	}
	name := map[[2]int]string{{15, 0}: "Exchange 2013", {15, 1}: "Exchange 2016", {15, 2}: "Exchange 2019"}[[2]int{v.Major, v.Minor}]
	if name == "" {
		return ""
	}
	for cu, build := range cumulative[[2]int{v.Major, v.Minor}] {
		switch {
		case build != v.MajorBuild || cu == 0:
		case v.Minor == 0 && cu == 4:
			return name + " SP1 (CU4)"
		default:
			return fmt.Sprintf("%s CU%d", name, cu)
		}
	}
	return name
}

// versionText writes a version as "Exchange 2016 CU23 (15.1.2507.39)".
func versionText(name, number string) string {
	switch {
	case number == "":
		return "not told"
	case name == "":
		return number
	}
	return name + " (" + number + ")"
}
