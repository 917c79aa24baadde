package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mailferry/store"
)

func newStoreCompactCommand(a *app) *cobra.Command {
	var dir, waste string
	var o store.CompactOptions
	var runs []int
	cmd := &cobra.Command{
		Use:   "compact --store DIR",
		Short: "Drop superseded versions of items and give their room back",
		Long: `Drop versions of items that a newer one superseded, but for those that were
current at the end of a run that --keep-run names, and write segments, log and
index anew without what is of no use. Items deleted at the source stay.`,
		Args: exactArgs(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := requireStore(dir); err != nil {
				return err
			}
			var err error
			if o.MaxWaste, err = parseSample(waste); err != nil {
				return err
			}
			for _, id := range runs {
				if id < 1 {
					return usagef("--keep-run %d: runs are numbered from 1, see 'mailferry store runs'", id)
				}
				o.KeepRuns = append(o.KeepRuns, uint64(id))
			}
			st, err := a.openReadable(dir, store.OpenOptions{})
			if err != nil {
				return err
			}
			r, err := st.Compact(cmd.Context(), o)
			if e := st.Close(); err == nil {
				err = e
			}
			if err != nil {
				return err
			}
			return a.tellCompact(o, r)
		},
	}
	addStoreFlag(cmd.Flags(), &dir)
	cmd.Flags().IntSliceVar(&runs, "keep-run", nil, "keep the versions that were current when this run ended; `ID` as 'store runs' shows it; repeatable")
	cmd.Flags().StringVar(&waste, "max-waste", "10%", "leave segments alone of which no more than this share is of no use")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "only say what would be dropped")
	return cmd
}

func (a *app) tellCompact(o store.CompactOptions, r store.CompactReport) error {
	if a.global.json {
		return json.NewEncoder(a.stdout).Encode(r)
	}
	if o.DryRun {
		a.tell(fmt.Sprintf("would drop %s and keep %s", counted(r.Dropped, "superseded version"), number(r.Kept)))
		return nil
	}
	a.tell(fmt.Sprintf("dropped %s, kept %s; %s written anew; %s became %s",
		counted(r.Dropped, "superseded version"), number(r.Kept), counted(r.Segments, "segment"), bytesText(r.BytesBefore), bytesText(r.BytesAfter)))
	return nil
}

func newStoreRunsCommand(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "runs --store DIR",
		Short: "List the runs that a store knows of",
		Args:  exactArgs(0, "no argument"),
		RunE: func(*cobra.Command, []string) error {
			if err := requireStore(dir); err != nil {
				return err
			}
			st, err := a.openStore(dir, store.OpenOptions{ReadOnly: true})
			if err != nil {
				return err
			}
			defer st.Close()
			return a.rows("run\tkind\tmailbox\ttarget\tbegun\tended\t", func(t *tabwriter.Writer, e *json.Encoder) error {
				for r, err := range st.Runs() {
					if err != nil {
						return err
					}
					if e != nil {
						if err := e.Encode(r); err != nil {
							return err
						}
						continue
					}
					fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t\n", r.ID, r.Kind, oneLine(r.Mailbox), oneLine(r.Target), dateText(r.Begun), dateText(r.Ended))
				}
				return nil
			})
		},
	}
	addStoreFlag(cmd.Flags(), &dir)
	return cmd
}
