package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newGenerateCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "generate --out DIR",
		Short: "Write the manual pages",
		Args:  exactArgs(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return usagef("say where the manual pages go: --out DIR")
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return fmt.Errorf("manual pages: %w", err)
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true // the same source gives the same bytes
			header := &doc.GenManHeader{Section: "1", Source: "mailferry " + buildVersion(), Manual: "mailferry manual"}
			return doc.GenManTree(root, header, dir)
		},
	}
	cmd.Flags().StringVar(&dir, "out", "", "folder to write the manual pages to")
	return cmd
}
