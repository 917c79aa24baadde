package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/BurntSushi/toml"

	"mailferry/internal/atomicfile"
)

// loadConfigToChange reads the config file as loadConfig does, but for one that is
// still to be made.
func loadConfigToChange(path string) (*config, error) {
	c, err := loadConfig(path)
	if path != "" && errors.Is(err, fs.ErrNotExist) {
		return &config{path: path, missing: true}, nil
	}
	return c, err
}

// setProfile writes one profile into the config file, or takes it out where p is
// nil. What else is in the file stays as it is, comments included: only the lines
// of the profile change. A file whose other profiles would not survive that (one
// that writes them in an unusual way) is refused.
func (c *config) setProfile(name string, p *profile) error {
	path := c.path
	if path == "" {
		return usagef("there is no config folder: name a config file with --config")
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // the link stays a link
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("config: %w", err)
	}
	text := cutProfile(string(old), name)
	if p != nil {
		if text != "" {
			text += "\n"
		}
		lines, err := p.lines(name)
		if err != nil {
			return err
		}
		text += lines
	}
	if err := sameButFor(string(old), text, name, p); err != nil {
		return usagef("config %s is written in a way that can't be changed safely here: edit it by hand (%w)", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return atomicfile.Write(path, []byte(text), 0o600)
}

// cutProfile leaves out the lines of a profile: its header and what follows, up to
// the next header and the comments that stand above that.
func cutProfile(text, name string) string {
	lines := strings.SplitAfter(text, "\n")
	var kept, block []string
	inside := false
	end := func() {
		for i := len(block); i > 0; i-- {
			if line := strings.TrimSpace(block[i-1]); line != "" && !strings.HasPrefix(line, "#") {
				block = block[i:]
				break
			}
		}
		for len(block) > 0 && strings.TrimSpace(block[0]) == "" {
			block = block[1:]
		}
		kept, block = append(kept, block...), nil
	}
	for _, line := range lines {
		if server, ok := header(line); ok {
			if inside {
				end()
			}
			inside = server == name
			if inside {
				block = append(block, line)
				continue
			}
		}
		if inside {
			block = append(block, line)
		} else {
			kept = append(kept, line)
		}
	}
	if inside {
		end()
	}
	text = strings.Trim(strings.Join(kept, ""), "\n")
	if text == "" {
		return ""
	}
	return text + "\n"
}

// header reads a line [server.NAME], or says that this is no header at all. Of
// other headers the name is "".
func header(line string) (server string, ok bool) {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "[") {
		return "", false
	}
	var table map[string]map[string]map[string]any
	if _, err := toml.Decode(line, &table); err != nil {
		return "", true
	}
	for name := range table["server"] {
		return name, true
	}
	return "", true
}

// sameButFor checks that a change of the file changes one profile and nothing else.
func sameButFor(old, changed, name string, p *profile) error {
	var before, after map[string]any
	if _, err := toml.Decode(old, &before); err != nil {
		return err
	}
	if _, err := toml.Decode(changed, &after); err != nil {
		return err
	}
	take := func(all map[string]any) any {
		servers, _ := all["server"].(map[string]any)
		one := servers[name]
		delete(servers, name)
		if len(servers) == 0 {
			delete(all, "server")
		}
		return one
	}
	take(before)
	if got := take(after); (got != nil) != (p != nil) {
		return errors.New("the profile would not be read back as it is")
	}
	if len(before)+len(after) > 0 && !reflect.DeepEqual(before, after) {
		return errors.New("other settings would change")
	}
	return nil
}

// lines writes the profile as the config file has it; what is not set is left out.
func (p *profile) lines(name string) (string, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "[server.%s]\n", tomlKey(name))
	v := reflect.ValueOf(*p)
	for _, field := range reflect.VisibleFields(v.Type()) {
		key, value := field.Tag.Get("toml"), v.FieldByIndex(field.Index)
		if key == "" || key == "-" || value.IsZero() {
			continue
		}
		line, err := toml.Marshal(map[string]any{key: value.Interface()})
		if err != nil {
			return "", fmt.Errorf("config: %s: %w", key, err)
		}
		b.Write(line)
	}
	return b.String(), nil
}

// tomlKey quotes a name that would otherwise be read as two: only a dot does that.
func tomlKey(name string) string {
	if strings.Contains(name, ".") {
		return `"` + name + `"`
	}
	return name
}
