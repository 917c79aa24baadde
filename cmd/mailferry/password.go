package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/term"

	"mailferry/ews/ewsauth"
)

// maxPassword bounds what is read from a file or a command as a password.
const maxPassword = 64 << 10

// secretPlace says where a secret may be found.
type secretPlace struct {
	what, of string // "password", "svc"
	file     string
	command  []string
	variable string
	hint     string // what to do where there is none
}

// password finds the password of a server. There is no flag for its value, since
// arguments can be read by every process of the machine.
func (a *app) password(ctx context.Context, server string, p profile) (ewsauth.Secret, error) {
	return a.findSecret(ctx, secretPlace{
		what: "password", of: p.User, variable: passwordVariable(server), file: p.PasswordFile, command: p.PasswordCommand,
		hint: "give --password-file FILE, set password-command in the config",
	})
}

// findSecret looks in the file, asks the command, looks in the environment, and
// last asks on a terminal.
func (a *app) findSecret(ctx context.Context, p secretPlace) (ewsauth.Secret, error) {
	switch {
	case p.file != "":
		return a.secretFromFile(p.what, p.file)
	case len(p.command) > 0:
		return secretFromCommand(ctx, p.what, p.command)
	}
	if value, ok := os.LookupEnv(p.variable); ok {
		return ewsauth.NewSecret(value), nil
	}
	in, ok := a.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return ewsauth.Secret{}, usagef("no %s for %s: %s, or set %s", p.what, p.of, p.hint, p.variable)
	}
	fmt.Fprintf(a.stderr, "%s for %s: ", p.what, p.of)
	value, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(a.stderr)
	if err != nil {
		return ewsauth.Secret{}, fmt.Errorf("read the %s: %w", p.what, err)
	}
	return ewsauth.NewSecret(string(value)), nil
}

// renewal asks for the password again where that can give another one than
// before: from a command or a file. It is nil where it can't.
func (a *app) renewal(ctx context.Context, server string, p profile) func() (ewsauth.Secret, error) {
	if p.PasswordFile == "" && len(p.PasswordCommand) == 0 {
		return nil
	}
	return func() (ewsauth.Secret, error) { return a.password(ctx, server, p) }
}

func (a *app) secretFromFile(what, path string) (ewsauth.Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return ewsauth.Secret{}, usagef("%s file: %w", what, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && runtime.GOOS != "windows" && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		fmt.Fprintf(a.stderr, "warning: other users of this machine can read the %s file %s (mode %04o); chmod 600 it\n", what, path, info.Mode().Perm())
	}
	value, err := io.ReadAll(io.LimitReader(f, maxPassword+1))
	switch {
	case err != nil:
		return ewsauth.Secret{}, usagef("%s file: %w", what, err)
	case len(value) > maxPassword:
		return ewsauth.Secret{}, usagef("%s file %s is larger than a %[1]s can be", what, path)
	}
	return firstLine(value, what, what+" file "+path)
}

func secretFromCommand(ctx context.Context, what string, command []string) (ewsauth.Secret, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr // it may ask for a passphrase of its own
	name := strings.ReplaceAll(what, " ", "-") + "-command " + command[0]
	value, err := cmd.Output()
	if err != nil {
		return ewsauth.Secret{}, fmt.Errorf("%s: %w", name, err)
	}
	return firstLine(value, what, name)
}

func firstLine(value []byte, what, source string) (ewsauth.Secret, error) {
	line, _, _ := bytes.Cut(value, []byte("\n"))
	password := strings.TrimSuffix(string(line), "\r")
	if password == "" {
		return ewsauth.Secret{}, usageError{errors.New(source + " gave an empty " + what)}
	}
	return ewsauth.NewSecret(password), nil
}
