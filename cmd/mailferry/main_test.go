package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mailferry/ews/ewstest"
)

// asProgram makes the test binary be mailferry, so that tests can start, stop
// and kill it as a process.
const asProgram = "MAILFERRY_TEST_AS_PROGRAM"

// tellsMemory makes such a process write into this file what it says of its
// memory at its end. (What a parent is told of a child counts the parent, too.)
const tellsMemory = "MAILFERRY_TEST_TELLS_MEMORY"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		a := newApp(os.Stdin, os.Stdout, os.Stderr)
		a.files = dyingFiles(os.Getenv(diesAtStep))
		code := a.run(os.Args[1:])
		if name := os.Getenv(tellsMemory); name != "" {
			status, err := os.ReadFile("/proc/self/status")
			if err == nil {
				err = os.WriteFile(name, status, 0o600)
			}
			if err != nil && runtime.GOOS == "linux" {
				panic(err)
			}
		}
		os.Exit(code)
	}
	testscript.Main(m, map[string]func(){
		"mailferry": func() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts tells the stories of the command line. See testdata/script at the
// top of the repository. $REAL_PST is a PST file with a real mailbox of 2,178
// messages; the commands beyond those of testscript are
//
//	server NAME [FLAG...] MAILBOX=CONTENT...   starts a simulated server; its URL is $NAME_URL
//	faults NAME FILE                           sets the faults of a server
//	inventory NAME ADDRESS FILE                writes what a mailbox of the simulator holds
//	contents NAME ADDRESS FILE                 writes a line for each folder and item: what it is called, and a hash of the
//	                                           content; and FILE.ids with ids and change keys instead
//	change NAME ADDRESS DO [KEY=VALUE...]      changes a mailbox as its user would; see ewstest.Change. item= is
//	                                           FOLDER/SUBJECT, or FOLDER/* for all items of a folder
//	internet HOST=NAME...                      gives servers host names, see scriptInternet
//	asked                                      writes the hosts that were asked
//	exits CODE PROGRAM ARG...                  runs a program that must end with this exit code
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("..", "..", "testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
			env.Setenv("MAILFERRY_NO_PROGRESS", "true")
			env.Setenv("REAL_PST", findPST(context.Background()))
			env.Values[serversKey{}] = make(map[string]*ewstest.Server)
			env.Values[internetKey{}] = make(map[string]*internet)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server": scriptServer, "faults": scriptFaults, "inventory": scriptInventory, "exits": scriptExits,
			"contents": scriptContents, "change": scriptChange,
			"internet": scriptInternet, "asked": scriptAsked,
		},
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

type serversKey struct{}

func scriptServers(ts *testscript.TestScript) map[string]*ewstest.Server {
	return ts.Value(serversKey{}).(map[string]*ewstest.Server)
}

// scriptServer starts a simulated server. Every server knows the user svc with
// the password in the file pw, and EXAMPLE\mallory, who may open nothing.
func scriptServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: server NAME [-auth LIST] [-lang LANG] [-lose TAG] [-without OPERATIONS] [-tls] [-names HOSTS] [-days N] [-epa MODE] [-version V] [-skew D] [-discover URL] [-discover-without LIST] [-policy KEY=VALUE] MAILBOX=CONTENT...")
	}
	name, args := args[0], args[1:]
	o := ewstest.Options{
		Auth: []string{"basic", "ntlm"},
		Users: []ewstest.User{
			{Name: `EXAMPLE\svc`, Password: "Passw0rd!"},
			{Name: `EXAMPLE\mallory`, Password: "Passw0rd!", Restricted: true},
		},
	}
	language := ""
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		flag := args[0]
		args = args[1:]
		if flag == "-tls" {
			o.TLS = true
			continue
		}
		if len(args) == 0 {
			ts.Fatalf("server: %s wants a value", flag)
		}
		value := args[0]
		args = args[1:]
		switch flag {
		case "-auth":
			o.Auth = strings.Split(value, ",")
		case "-lang":
			language = value
		case "-without":
			o.Without = strings.Split(value, ",")
		case "-names":
			o.Names = strings.Split(value, ",")
		case "-epa":
			o.EPA = value
		case "-version":
			o.Version = value
		case "-discover":
			o.Autodiscover.URL = value
		case "-discover-without":
			o.Autodiscover.Without = strings.Split(value, ",")
		case "-days":
			var err error
			o.CertDays, err = strconv.Atoi(value)
			ts.Check(err)
		case "-skew":
			var err error
			o.ClockSkew, err = time.ParseDuration(value)
			ts.Check(err)
		case "-policy":
			key, setting, _ := strings.Cut(value, "=")
			ts.Check(o.Policy.Set(key, setting))
		case "-lose":
			tag, err := strconv.ParseUint(value, 0, 32)
			ts.Check(err)
			o.Lose = append(o.Lose, uint32(tag))
		default:
			ts.Fatalf("server: unknown flag %s", flag)
		}
	}
	for _, arg := range args {
		spec, err := ewstest.ParseMailboxSpec(arg)
		ts.Check(err)
		spec.Language = language
		o.Mailboxes = append(o.Mailboxes, spec)
	}
	server, err := ewstest.NewServer(o)
	ts.Check(err)
	ts.Check(server.Start("127.0.0.1:0"))
	ts.Defer(func() { server.Close() })
	scriptServers(ts)[name] = server
	ts.Setenv(strings.ToUpper(name)+"_URL", server.URL())
	if ca := server.CAPEM(); ca != nil {
		ts.Check(os.WriteFile(ts.MkAbs(name+"-ca.pem"), ca, 0o600))
	}
	ts.Check(os.WriteFile(ts.MkAbs("pw"), []byte("Passw0rd!\n"), 0o600))
}

func scriptServerOf(ts *testscript.TestScript, name string) *ewstest.Server {
	server, ok := scriptServers(ts)[name]
	if !ok {
		ts.Fatalf("no server %q", name)
	}
	return server
}

func scriptFaults(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: faults NAME FILE")
	}
	var faults []ewstest.Fault
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &faults))
	ts.Check(scriptServerOf(ts, args[0]).SetFaults(faults))
}

func scriptInventory(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: inventory NAME ADDRESS FILE")
	}
	inventory, err := scriptServerOf(ts, args[0]).Inventory(args[1])
	ts.Check(err)
	text, err := json.MarshalIndent(inventory, "", " ")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), text, 0o600))
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d instead of %d\nstdout: %s\nstderr: %s", code, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}
