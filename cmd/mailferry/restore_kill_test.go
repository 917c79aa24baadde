package main

import (
	"math/rand/v2"
	"testing"

	"mailferry/ews/ewstest"
)

// TestRestoreKilledAgainAndAgain loses items and folders of a mailbox and kills
// the restore that puts them back, at random steps, until it completes; then it
// begins anew with other losses, some of which an export has seen. Each time the
// mailbox must hold what it held at first, by the simulator's inventory.
func TestRestoreKilledAgainAndAgain(t *testing.T) {
	want := max(1, *kills/3)
	if testing.Short() {
		want = min(want, 10)
	}
	random := rand.New(rand.NewPCG(*killSeed, 4))
	j := newJob(t)
	addTwins(t, j.source.server)
	j.run("export")
	before := j.contents(j.source, killSource)
	var all toll
	for all.kills < want && !t.Failed() {
		j.lose(random)
		j.untilDone(random, &all, "restore")
		all.jobs++
		after := j.contents(j.source, killSource)
		for key, n := range before {
			all.lost += max(0, n-after[key])
			all.doubled += max(0, after[key]-n)
		}
		for key, n := range after {
			if before[key] == 0 {
				all.altered += n
			}
		}
		if all.lost+all.doubled+all.altered > 0 {
			t.Fatalf("after %d kills in %d restores: %d lost, %d doubled, %d altered (seed %d)", all.kills, all.jobs, all.lost, all.doubled, all.altered, *killSeed)
		}
	}
	t.Logf("%d kills in %d restores: nothing lost, doubled or altered", all.kills, all.jobs)
}

// lose deletes a folder and items elsewhere, which an export may see, and spoils others.
func (j *job) lose(random *rand.Rand) {
	j.t.Helper()
	server := j.source.server
	inventory, err := server.Inventory(killSource)
	if err != nil {
		j.t.Fatal(err)
	}
	apply := func(c ewstest.Change) {
		if _, err := server.Apply(killSource, c); err != nil {
			j.t.Fatal(err)
		}
	}
	var items, folders []string
	for _, f := range inventory.Folders {
		if f.Archive || f.Search || f.Hidden {
			continue
		}
		if f.Distinguished == "" && len(f.Items) > 0 {
			folders = append(folders, f.ID)
			continue
		}
		for _, it := range f.Items {
			items = append(items, it.ID)
		}
	}
	apply(ewstest.Change{Do: "delete-folder", Folder: folders[random.IntN(len(folders))]})
	random.Shuffle(len(items), func(a, b int) { items[a], items[b] = items[b], items[a] })
	for _, id := range items[:10] {
		apply(ewstest.Change{Do: "delete", Item: id})
	}
	if random.IntN(3) == 0 {
		j.run("export")
	}
	for _, id := range items[10:15] {
		apply(ewstest.Change{Do: "update", Item: id, Text: "spoilt"})
	}
}
