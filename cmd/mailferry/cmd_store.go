package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mailferry/store"
)

func newStoreCommand(a *app) *cobra.Command {
	const subcommands = "a subcommand: init, check, repair, rebuild, compact, stats, runs or key"
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Make, check, repair, compact and measure a store; manage its keys",
		Args:  exactArgs(0, subcommands),
		RunE:  func(*cobra.Command, []string) error { return usagef("give %s", subcommands) },
	}
	cmd.AddCommand(
		newStoreInitCommand(a), newStoreCheckCommand(a), newStoreRepairCommand(a), newStoreRebuildCommand(a),
		newStoreCompactCommand(a), newStoreStatsCommand(a), newStoreRunsCommand(a), newStoreKeyCommand(a),
	)
	return cmd
}

func newStoreCheckCommand(a *app) *cobra.Command {
	var dir, sample string
	var readData bool
	cmd := &cobra.Command{
		Use:   "check --store DIR",
		Short: "Check that a store holds what its index says",
		Long: `Compare the index with the segments. With --read-data every blob is read, its
SHA-256 compared, and its format checked to the last byte.`,
		Args: exactArgs(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := requireStore(dir); err != nil {
				return err
			}
			share, err := parseSample(sample)
			if err != nil {
				return err
			}
			return a.checkStore(cmd.Context(), dir, checkOptions(readData, share))
		},
	}
	addStoreFlag(cmd.Flags(), &dir)
	cmd.Flags().BoolVar(&readData, "read-data", false, "read every blob and check it to its last byte")
	cmd.Flags().StringVar(&sample, "sample", "100%", "read only this share of the blobs, for example 5%")
	return cmd
}

// checkOptions turns the flags into what to read: all with --read-data, a share
// with --sample, else nothing but the index and the frame of the segments.
func checkOptions(readData bool, share float64) store.CheckOptions {
	switch {
	case share < 1:
		return store.CheckOptions{Sample: share}
	case readData:
		return store.CheckOptions{ReadData: true}
	}
	return store.CheckOptions{}
}

func (a *app) checkStore(ctx context.Context, dir string, o store.CheckOptions) error {
	st, err := a.openStore(dir, store.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer st.Close()
	report, err := st.Check(ctx, o)
	if err != nil {
		return err
	}
	if a.global.json {
		if err := json.NewEncoder(a.stdout).Encode(report); err != nil {
			return err
		}
	} else if !a.global.quiet {
		for _, d := range report.Damage {
			fmt.Fprintf(a.stdout, "damaged: %s %s: %s\n", d.File, d.Item, oneLine(d.Text))
		}
		if unlisted := report.Damaged - len(report.Damage); unlisted > 0 {
			fmt.Fprintf(a.stdout, "and %s more\n", number(unlisted))
		}
		fmt.Fprintf(a.stdout, "%s, %s (equal items share one), %s; %s read; %s damaged; %s kept as the server gave them though they were not understood\n",
			counted(report.Items, "item"), counted(report.Blobs, "blob"), counted(report.Segments, "segment"), bytesText(report.Read),
			number(report.Damaged), number(report.Suspect))
		fmt.Fprintln(a.stdout, checkVerdict(o, report))
	}
	if report.Damaged > 0 {
		return fmt.Errorf("store %s: %w", dir, store.ErrDamaged)
	}
	return nil
}

// checkVerdict says what a check without a finding is worth.
func checkVerdict(o store.CheckOptions, r store.CheckReport) string {
	switch {
	case !r.OK():
		return "The store is damaged: 'mailferry store repair' keeps all that is whole and names the rest."
	case r.Sealed > 0:
		return "Nothing is damaged as far as checksums tell; with --identity or a passphrase the mail itself is checked, too."
	case o.ReadData:
		return "Every byte was read: nothing is damaged."
	}
	return "Nothing is damaged in the index and at the ends of each blob; --read-data reads every byte."
}

func newStoreStatsCommand(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "stats --store DIR",
		Short: "Print how many items a store holds and the room they take",
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
			s, err := st.Stats()
			if err != nil {
				return err
			}
			if a.global.json {
				return json.NewEncoder(a.stdout).Encode(s)
			}
			return a.rows("", func(t *tabwriter.Writer, _ *json.Encoder) error {
				for _, row := range []struct{ what, amount string }{
					{"mailboxes", number(s.Mailboxes)},
					{"folders", number(s.Folders)},
					{"items", number(s.Items) + ", " + bytesText(s.ItemBytes)},
					{"deleted at the source since", number(s.Deleted)},
					{"superseded versions", number(s.Old)},
					{"waiting to be exported", number(s.Pending)},
					{"different blobs", number(s.Blobs) + ", " + bytesText(s.BlobBytes) + ", stored in " + bytesText(s.StoredBytes)},
					{"segments", number(s.Segments) + ", " + bytesText(s.SegmentBytes)},
					{"index", bytesText(s.IndexBytes)},
				} {
					fmt.Fprintf(t, "%s\t%s\t\n", row.what, row.amount)
				}
				return nil
			})
		},
	}
	addStoreFlag(cmd.Flags(), &dir)
	return cmd
}
