package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mailferry/ews/ewstest"
	"mailferry/internal/fault"
)

var kills = flag.Int("kills", 60, "how often TestKilledAgainAndAgain kills; 1000 is the long form")

// diesAtStep makes the program kill itself at the nth step that changes the disk:
// "N" at once, "N+" while it goes on.
const diesAtStep = "MAILFERRY_TEST_DIES_AT_STEP"

// dyingFiles is the layer below the stores of a program that is to die.
func dyingFiles(at string) fault.FS {
	step, err := strconv.ParseInt(strings.TrimSuffix(at, "+"), 10, 64)
	if err != nil {
		return nil
	}
	var n atomic.Int64
	die := func() {
		if p, err := os.FindProcess(os.Getpid()); err == nil {
			_ = p.Kill()
		}
	}
	return &fault.Injector{Before: func(o fault.Op) fault.Fault {
		if !o.Changes() || n.Add(1) != step {
			return fault.Fault{}
		}
		if strings.HasSuffix(at, "+") {
			go die() // somewhere in what comes next, also within a commit of the index
			return fault.Fault{}
		}
		die()
		select {} // nothing more is written
	}}
}

// toll is what a row of kills came to.
type toll struct{ kills, jobs, items, lost, doubled, altered int }

// TestKilledAgainAndAgain kills the program after a random number of steps that
// can be seen from outside, requests to the server or changes of the disk, again
// and again until the command completes: export, another export of what changed,
// compaction, rebuilding of the index, upload. Then the simulator's inventory and
// a check of every byte of the store judge the whole job; and another job begins,
// until there were enough kills.
func TestKilledAgainAndAgain(t *testing.T) {
	want := *kills
	if testing.Short() {
		want = min(want, 20)
	}
	random := rand.New(rand.NewPCG(*killSeed, 3))
	var all toll
	for all.kills < want && !t.Failed() {
		killedJob(t, random, &all)
	}
	t.Logf("%d kills in %d jobs with %d items: %d lost, %d doubled, %d altered (seed %d)",
		all.kills, all.jobs, all.items, all.lost, all.doubled, all.altered, *killSeed)
	if all.items == 0 || all.lost+all.doubled+all.altered > 0 {
		t.Fail()
	}
}

func killedJob(t *testing.T, random *rand.Rand, all *toll) {
	j := newJob(t)
	all.jobs++
	j.untilDone(random, all, "export")
	for range 10 {
		j.changeSource(random)
	}
	before := j.contents(j.source, killSource)
	j.untilDone(random, all, "export")
	j.untilDone(random, all, "compact")
	if random.IntN(2) == 0 {
		if err := os.Remove(filepath.Join(j.store, "index.db")); err != nil {
			t.Fatal(err)
		}
	}
	j.untilDone(random, all, "rebuild")
	j.untilDone(random, all, "upload")
	source, target := j.contents(j.source, killSource), j.contents(j.target, killTarget)
	for key, n := range source {
		all.items += n
		all.lost += max(0, n-target[key])
		all.doubled += max(0, target[key]-n)
		if before[key] != n {
			t.Errorf("%s: the source was changed", key)
		}
	}
	for key, n := range target {
		if source[key] == 0 {
			all.altered += n
		}
	}
	j.judge()
}

// changeSource changes, adds or deletes an item of the source.
func (j *job) changeSource(random *rand.Rand) {
	j.t.Helper()
	inventory, err := j.source.server.Inventory(killSource)
	if err != nil {
		j.t.Fatal(err)
	}
	var ids []string
	for _, f := range inventory.Folders {
		if f.Distinguished != "inbox" {
			continue
		}
		for _, it := range f.Items {
			ids = append(ids, it.ID)
		}
	}
	c := ewstest.Change{Do: "add", Folder: "inbox", Subject: fmt.Sprint("later ", random.IntN(1000))}
	if k := random.IntN(4); k < 3 && len(ids) > 5 {
		c = ewstest.Change{Do: []string{"update", "update", "delete"}[k], Item: ids[random.IntN(len(ids))]}
		if c.Do == "update" {
			c.Text = strings.Repeat(fmt.Sprint("changed ", random.IntN(1000), " "), 2000)
		}
	}
	if _, err := j.source.server.Apply(killSource, c); err != nil {
		j.t.Fatal(err)
	}
}

// untilDone runs a command, killing it at random steps, until it completes.
func (j *job) untilDone(random *rand.Rand, all *toll, command string) {
	j.t.Helper()
	for attempt := 1; ; attempt++ {
		if j.tryOnce(random, command, attempt) {
			return
		}
		all.kills++
		if attempt > 200 {
			j.t.Fatalf("%s makes no progress", command)
		}
	}
}

// tryOnce runs a command once; false says that it was killed. The steps it may go
// grow with the attempts, so that what can't be done in parts comes to its end.
func (j *job) tryOnce(random *rand.Rand, command string, attempt int) (done bool) {
	j.t.Helper()
	ctx, cancel := context.WithTimeout(j.t.Context(), 2*time.Minute)
	defer cancel()
	args := j.args(command)
	if command == "compact" || command == "rebuild" {
		args = []string{"store", command, "--store", j.store}
	}
	cmd, out := program(j.t, ctx, args...)
	step := 1 + random.IntN(20+10*attempt)
	g, started := j.guardOf(command), make(chan struct{})
	g.arm(moment{}, nil)
	switch how := random.IntN(3); {
	case how == 0 && command != "compact" && command != "rebuild":
		g.arm(moment{request: step, place: stage(random.IntN(3))}, func() {
			<-started
			_ = cmd.Process.Kill()
		})
	case how == 1:
		cmd.Env = append(cmd.Env, diesAtStep+"="+strconv.Itoa(step)+"+")
	default:
		cmd.Env = append(cmd.Env, diesAtStep+"="+strconv.Itoa(step))
	}
	if err := cmd.Start(); err != nil {
		j.t.Fatal(err)
	}
	close(started)
	err := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return true
	case !errors.As(err, &exit):
		j.t.Fatal(err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		j.t.Fatalf("%s ended with %v:\n%s", command, err, out)
	}
	return false
}
