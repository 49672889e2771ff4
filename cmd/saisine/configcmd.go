package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/config"
)

func newInit(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "init [FILE]", Short: "Write a commented configuration to start from",
		Long: "Writes a commented configuration to FILE, which must not exist yet, or to standard output.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return config.WriteTemplate(a.stdout)
			}
			// 0600: the administrator will write passwords into it.
			f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if os.IsExist(err) {
				return usageError{fmt.Errorf("%s exists already; it is left alone. Choose another name, or move it away", args[0])}
			}
			if err != nil {
				return err
			}
			if err := config.WriteTemplate(f); err != nil {
				_ = f.Close()
				return err
			}
			if err := f.Close(); err != nil {
				return err
			}
			fmt.Fprintf(a.stderr, "Wrote %s. Next: fill it in, then\n  saisine check-config --config %[1]s\n  saisine doctor --config %[1]s\n  saisine serve --config %[1]s\n", args[0])
			return nil
		},
	}
}

func newCheckConfig(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "check-config", Short: "Load and validate the configuration without touching the network",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := config.Find(a.configPath)
			if err != nil {
				return usageError{err}
			}
			cfg, err := a.load(true)
			if err != nil {
				return err
			}
			texts, err := readTexts(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			if err := texts.check(cfg); err != nil {
				return asUsage(err)
			}
			if _, err := loadStreets(cfg); err != nil {
				return usageError{err}
			}
			if err := checkPartners(cfg, texts.rules); err != nil {
				return usageError{err}
			}
			if path == "" {
				path = "the defaults"
			}
			texts.tell(a.stdout, zoneOf(cfg))
			fmt.Fprintf(a.stdout, "%s: no problem found\n", path)
			return nil
		},
	}
}
