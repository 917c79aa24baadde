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

// password finds the password of a server: the file, the command, the
// environment, and last a prompt on a terminal. There is no flag for its
// value, since arguments can be read by every process of the machine.
func (a *app) password(ctx context.Context, server string, p profile) (ewsauth.Secret, error) {
	switch {
	case p.PasswordFile != "":
		return a.passwordFromFile(p.PasswordFile)
	case len(p.PasswordCommand) > 0:
		return passwordFromCommand(ctx, p.PasswordCommand)
	}
	variable := passwordVariable(server)
	if value, ok := os.LookupEnv(variable); ok {
		return ewsauth.NewSecret(value), nil
	}
	in, ok := a.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return ewsauth.Secret{}, usagef("no password for %s: give --password-file FILE, set password-command in the config, or set %s", p.User, variable)
	}
	fmt.Fprintf(a.stderr, "password for %s: ", p.User)
	value, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(a.stderr)
	if err != nil {
		return ewsauth.Secret{}, fmt.Errorf("read the password: %w", err)
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

func (a *app) passwordFromFile(path string) (ewsauth.Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return ewsauth.Secret{}, usagef("password file: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && runtime.GOOS != "windows" && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		fmt.Fprintf(a.stderr, "warning: other users of this machine can read the password file %s (mode %04o); chmod 600 it\n", path, info.Mode().Perm())
	}
	value, err := io.ReadAll(io.LimitReader(f, maxPassword+1))
	switch {
	case err != nil:
		return ewsauth.Secret{}, usagef("password file: %w", err)
	case len(value) > maxPassword:
		return ewsauth.Secret{}, usagef("password file %s is larger than a password can be", path)
	}
	return firstLine(value, "password file "+path)
}

func passwordFromCommand(ctx context.Context, command []string) (ewsauth.Secret, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr // it may ask for a passphrase of its own
	value, err := cmd.Output()
	if err != nil {
		return ewsauth.Secret{}, fmt.Errorf("password-command %s: %w", command[0], err)
	}
	return firstLine(value, "password-command "+command[0])
}

func firstLine(value []byte, source string) (ewsauth.Secret, error) {
	line, _, _ := bytes.Cut(value, []byte("\n"))
	password := strings.TrimSuffix(string(line), "\r")
	if password == "" {
		return ewsauth.Secret{}, usageError{errors.New(source + " gave an empty password")}
	}
	return ewsauth.NewSecret(password), nil
}
