package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// config is the file of server profiles.
type config struct {
	Server map[string]profile `toml:"server"`

	path    string
	missing bool
}

// profile is what the config file, or the flags, say of one server.
type profile struct {
	URL             string   `toml:"url"`
	Auth            string   `toml:"auth"`
	User            string   `toml:"user"`
	PasswordFile    string   `toml:"password-file"`
	PasswordCommand []string `toml:"password-command"`
	Access          string   `toml:"access"`
	CAFile          string   `toml:"ca-file"`
	Insecure        bool     `toml:"insecure"`
	reach
	oauthProfile
}

// loadConfig reads the config file. A file that nobody named and that isn't
// there is an empty one.
func loadConfig(path string) (*config, error) {
	named := path != ""
	if !named {
		dir, err := os.UserConfigDir()
		if err != nil {
			return &config{}, nil // no home: profiles can't exist
		}
		path = filepath.Join(dir, "mailferry", "config.toml")
	}
	c := &config{path: path}
	meta, err := toml.DecodeFile(path, c)
	var syntax toml.ParseError
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		c.missing = true
		return c, nil
	case errors.As(err, &syntax):
		return nil, usagef("config %s, line %d: %s", path, syntax.Position.Line, syntax.Message)
	case err != nil:
		return nil, usagef("config %s: %w", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, usagef("config %s: unknown key %q", path, unknown[0].String())
	}
	for name, p := range c.Server {
		c.Server[name] = p.withFiles(c.relative)
	}
	return c, nil
}

// relative resolves a path in the config file against the file's own folder.
func (c *config) relative(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(c.path), path)
}

// profile returns the named server; the empty name is "no profile".
func (c *config) profile(name string) (profile, error) {
	if name == "" {
		return profile{}, nil
	}
	p, ok := c.Server[name]
	if !ok {
		known := make([]string, 0, len(c.Server))
		for n := range c.Server {
			known = append(known, n)
		}
		slices.Sort(known)
		hint := "it has none"
		switch {
		case c.missing:
			hint = "there is no such file; make it, or name another one with --config"
		case len(known) > 0:
			hint = "it has " + strings.Join(known, ", ")
		}
		return profile{}, usagef("no server %q in config %s: %s", name, c.path, hint)
	}
	return p, nil
}

// check refuses values that can't be meant, before anything is sent.
func (p profile) check() error {
	if !slices.Contains([]string{"basic", "ntlm", "oauth"}, p.Auth) {
		return usagef("unknown auth %q: use basic, ntlm or oauth", p.Auth)
	}
	if !slices.Contains([]string{"impersonate", "delegate"}, p.Access) {
		return usagef("unknown access %q: use impersonate or delegate", p.Access)
	}
	if err := p.oauthProfile.check(p.Auth, p.Access); err != nil {
		return err
	}
	if p.User == "" && p.Auth != "oauth" {
		return usagef("no user: give --user 'DOMAIN\\name' or --user name@domain, or name a profile as SERVER:user@domain")
	}
	return p.reach.check()
}

// over lays the set fields of the flags over a profile and fills the defaults.
func (p profile) over(base profile) profile {
	pick := func(flag, file, standard string) string {
		switch {
		case flag != "":
			return flag
		case file != "":
			return file
		}
		return standard
	}
	merged := profile{
		URL:          pick(p.URL, base.URL, ""),
		Auth:         strings.ToLower(pick(p.Auth, base.Auth, "ntlm")),
		User:         pick(p.User, base.User, ""),
		Access:       strings.ToLower(pick(p.Access, base.Access, "impersonate")),
		CAFile:       pick(p.CAFile, base.CAFile, ""),
		Insecure:     p.Insecure || base.Insecure,
		PasswordFile: p.PasswordFile,
		reach:        p.reach.over(base.reach),
		oauthProfile: p.oauthProfile.over(base.oauthProfile),
	}
	if merged.PasswordFile == "" {
		merged.PasswordFile, merged.PasswordCommand = base.PasswordFile, base.PasswordCommand
	}
	return merged
}

// passwordVariable is the environment variable that holds a server's password.
func passwordVariable(server string) string {
	if server == "" {
		return "MAILFERRY_PASSWORD"
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(server))
	return fmt.Sprintf("MAILFERRY_%s_PASSWORD", name)
}
