package main

import (
	"time"

	"mailferry/ews"
	"mailferry/export"
	"mailferry/upload"
)

// patience says how long runs wait before they try again. The zero value is
// right for servers; tests shorten it.
type patience struct {
	retry  ews.RetryPolicy
	stall  time.Duration // see ews.Options.StallTimeout
	doctor time.Duration // of one step of doctor; 0 is a minute
	export export.Patience
	upload upload.Patience
}
