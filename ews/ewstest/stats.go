package ewstest

// Stats is what was asked of a server since it started or was reset.
type Stats struct {
	Requests map[string]int64 `json:"requests"` // by operation
	Items    struct {
		Exported int64 `json:"exported"`
		Uploaded int64 `json:"uploaded"`
	} `json:"items"`
	BytesIn                  int64 `json:"bytesIn"`  // request bodies, as they came over the wire
	BytesOut                 int64 `json:"bytesOut"` // response bodies, as they went over the wire
	MaxConcurrent            int64 `json:"maxConcurrent"`
	Busy                     int64 `json:"busy"`                     // answers that asked to wait
	BusyEarly                int64 `json:"busyEarly"`                // requests sent inside a back-off window
	Connections              int64 `json:"connections"`              // accepted
	Handshakes               int64 `json:"handshakes"`               // NTLM handshakes completed
	UnauthenticatedBodyBytes int64 `json:"unauthenticatedBodyBytes"` // body bytes of requests that were answered by 401
	Faults                   int64 `json:"faults"`                   // injected faults
}
