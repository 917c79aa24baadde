package fts

// PropertyName names a property for people: "PidTagSubject (0x0037)",
// "PidLidLocation (0x8208)", `PS_INTERNET_HEADERS "x-mailer"`.
func PropertyName(t Tag, n *Name) string { return "" }
