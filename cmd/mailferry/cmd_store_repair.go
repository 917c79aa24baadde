package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"mailferry/store"
)

func newStoreRepairCommand(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "repair --store DIR",
		Short: "Keep every whole record of a damaged store, name what is gone, and have it exported again",
		Long: `Read the whole store, keep every record that is whole, and name each item whose
blob is gone. Such an item is exported again by the next export; until then it is
a failure. Damaged files are kept beside the others (*.damaged): delete them once
nothing is missing.`,
		Args: exactArgs(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := requireStore(dir); err != nil {
				return err
			}
			o, err := a.unlocked(store.OpenOptions{})
			if err != nil {
				return err
			}
			r, err := store.Repair(cmd.Context(), dir, o)
			if err != nil {
				return err
			}
			return a.tellRepair(r)
		},
	}
	addStoreFlag(cmd.Flags(), &dir)
	return cmd
}

func (a *app) tellRepair(r store.RepairReport) error {
	if a.global.json {
		if err := json.NewEncoder(a.stdout).Encode(r); err != nil {
			return err
		}
	} else if !a.global.quiet {
		for _, d := range r.Repaired {
			fmt.Fprintf(a.stdout, "repaired: %s: %s\n", d.File, oneLine(d.Text))
		}
		for _, l := range r.Lost {
			what := "to be exported again"
			if !l.Again {
				what = "gone: the source does not have it any more"
			}
			fmt.Fprintf(a.stdout, "%s: %s %q in %s (%s)\n", what, l.Mailbox, oneLine(l.Subject), oneLine(l.Folder), l.Item)
		}
		for _, file := range r.Aside {
			fmt.Fprintf(a.stdout, "kept aside: %s\n", file)
		}
		if r.Lossy {
			fmt.Fprintln(a.stdout, "a part of the log is lost: which items were uploaded may be forgotten; the next upload looks at the target")
		}
		fmt.Fprintf(a.stdout, "%s repaired; %s to be exported again; %s gone for good\n",
			counted(len(r.Repaired), "damage"), counted(r.Again, "item"), number(r.Gone))
	}
	if r.Again+r.Gone > 0 {
		return errIncomplete
	}
	return nil
}

func newStoreRebuildCommand(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "rebuild --store DIR",
		Short: "Make the index anew from the segments alone",
		Long: `Make index.db anew from the segments: items, folders, failures, runs and what was
uploaded. Only how far the source was read is forgotten, so that the next export
lists the mailbox from its beginning; nothing is fetched twice for that.`,
		Args: exactArgs(0, "no argument"),
		RunE: func(*cobra.Command, []string) error {
			if err := requireStore(dir); err != nil {
				return err
			}
			st, err := a.openStore(dir, store.OpenOptions{Rebuild: true})
			if err != nil {
				return err
			}
			s, err := st.Stats()
			if e := st.Close(); err == nil {
				err = e
			}
			if err != nil {
				return err
			}
			a.tell(fmt.Sprintf("made the index anew: %s, %s in %s", counted(s.Items, "item"), counted(s.Folders, "folder"), counted(s.Mailboxes, "mailbox")))
			return nil
		},
	}
	addStoreFlag(cmd.Flags(), &dir)
	return cmd
}
