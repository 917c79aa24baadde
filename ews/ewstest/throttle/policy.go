package throttle

import (
	"fmt"
	"strconv"
	"time"
)

// Policy is the server's throttling policy and its limits.
type Policy struct {
	MaxConcurrency  int           // requests at once for one budget; 0 is 27, negative unlimited
	MaxSyncCalls    int           // calls of Sync* at once for one budget; 0 is unlimited
	BackOff         time.Duration // asked for when there are too many requests at once; 0 is 5 s
	Budget          time.Duration // server time that a burst may use; 0 is unlimited
	Recharge        time.Duration // server time regained in an hour
	MaxRequestBytes int64         // larger bodies get HTTP 413; 0 is 64 MiB as on Exchange 2013 and later, negative unlimited
	BatchTime       time.Duration // longest run of one batch, then ErrorTimeoutExpired; 0 is a minute
	ItemTime        time.Duration // added to each exported or uploaded item
	FindPage        int           // most items or folders a page; 0 is 1000 (250 with a restriction)
	SyncPage        int           // most changes a page of SyncFolderItems; 0 is 512
}

// Set sets a value by the name it has on the command line: max-concurrency,
// max-sync-calls, back-off, budget, recharge, max-request-bytes, batch-seconds,
// item-time, find-page, sync-page. Durations are as 5s or 200ms,
// batch-seconds is a number.
func (p *Policy) Set(key, value string) error {
	var err error
	number := func(to *int) { *to, err = strconv.Atoi(value) }
	duration := func(to *time.Duration) { *to, err = time.ParseDuration(value) }
	switch key {
	case "max-concurrency":
		number(&p.MaxConcurrency)
	case "max-sync-calls":
		number(&p.MaxSyncCalls)
	case "back-off":
		duration(&p.BackOff)
	case "budget":
		duration(&p.Budget)
	case "recharge":
		duration(&p.Recharge)
	case "max-request-bytes":
		p.MaxRequestBytes, err = strconv.ParseInt(value, 10, 64)
	case "batch-seconds":
		var seconds float64
		seconds, err = strconv.ParseFloat(value, 64)
		p.BatchTime = time.Duration(seconds * float64(time.Second))
	case "item-time":
		duration(&p.ItemTime)
	case "find-page":
		number(&p.FindPage)
	case "sync-page":
		number(&p.SyncPage)
	default:
		return fmt.Errorf("policy %q is not known", key)
	}
	if err != nil {
		return fmt.Errorf("policy %s=%s: not a value for it", key, value)
	}
	return nil
}

// MaxRequest is the longest request body, not positive if there is no limit.
func (p Policy) MaxRequest() int64 {
	if p.MaxRequestBytes == 0 {
		return 64 << 20
	}
	return p.MaxRequestBytes
}

// Batch is the longest run of one batch.
func (p Policy) Batch() time.Duration {
	if p.BatchTime == 0 {
		return time.Minute
	}
	return p.BatchTime
}

func (p Policy) backOff() time.Duration {
	if p.BackOff > 0 {
		return p.BackOff
	}
	return 5 * time.Second
}
