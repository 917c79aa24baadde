package selection

import (
	"sort"
	"strings"
)

// FolderName is a folder that a mailbox has.
type FolderName struct {
	Path          string
	Distinguished string // role as EWS spells it, or empty
}

// Validate learns where the well-known folders are and checks that the patterns
// name something: each of Folders must name a folder (or, ending in "/**", what
// is below one), and each of Exclude that is a plain name must exist, since a
// misspelt exclusion would let through what was to stay behind. Errors are
// ErrUsage and name what is spelt alike.
func (s *Selection) Validate(folders []FolderName) error {
	s.roles = make(map[string]string)
	for _, f := range folders {
		if f.Distinguished != "" {
			s.roles[f.Distinguished] = f.Path
		}
	}
	for _, p := range s.Folders {
		if err := s.known(p, folders); err != nil {
			return err
		}
	}
	for _, p := range s.Exclude {
		if _, wellKnown := WellKnown(firstLevel(p)); wellKnown || IsGlob(p) {
			continue
		}
		if err := s.known(p, folders); err != nil {
			return err
		}
	}
	return nil
}

func (s *Selection) known(pattern string, folders []FolderName) error {
	if err := CheckPattern(pattern); err != nil {
		return usagef("folder pattern %q: %v", pattern, err)
	}
	base, below := strings.CutSuffix(pattern, "/**")
	for _, f := range folders {
		if s.matches(pattern, f.Path, f.Distinguished) || below && s.matches(base, f.Path, f.Distinguished) {
			return nil
		}
	}
	name := firstLevel(pattern)
	if role, ok := WellKnown(name); ok && !isPathRoot(name) {
		if _, there := s.roles[role]; !there {
			return usagef("folder pattern %q: this mailbox has no %s folder, or the tree it is in was not asked for", pattern, name)
		}
	}
	near := nearest(pattern, folders)
	if len(near) == 0 {
		return usagef("folder pattern %q names no folder; 'mailferry ls' and --dry-run show what there is", pattern)
	}
	return usagef("folder pattern %q names no folder; there is %s", pattern, strings.Join(near, ", "))
}

// nearest returns up to three folders whose path or name is spelt alike.
func nearest(pattern string, folders []FolderName) []string {
	const most, maxFolders, maxName = 3, 5000, 200
	plain := strings.ToLower(strings.ReplaceAll(pattern, "*", ""))
	wanted := lastName(plain)
	type candidate struct {
		path string
		far  int
	}
	var found []candidate
	for _, f := range folders[:min(len(folders), maxFolders)] {
		path := strings.ToLower(f.Path)
		name := lastName(path)
		if wanted == "" || name == "" || len(path) > maxName || len(plain) > maxName {
			continue
		}
		far := min(distance(plain, path), distance(wanted, name)+1)
		if strings.Contains(name, wanted) || strings.Contains(wanted, name) && len(name) > 2 {
			far = min(far, 2)
		}
		if far <= 1+len(wanted)/3 || far <= 2 && len(wanted) > 3 {
			found = append(found, candidate{f.Path, far})
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].far < found[j].far })
	var near []string
	for _, c := range found[:min(len(found), most)] {
		near = append(near, "\""+c.path+"\"")
	}
	return near
}

func lastName(path string) string {
	names := SplitPath(strings.Trim(path, "/"))
	if len(names) == 0 {
		return ""
	}
	return names[len(names)-1]
}

// distance is the number of letters to change, add or take away.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j, s := range y {
			cost := diagonal
			if r != s {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(y)]
}
