package extract

import (
	"path"
	"strings"

	"golang.org/x/text/cases"

	"mailferry/internal/selection"
	"mailferry/store"
)

// tree gives each folder of a mailbox a place below the output folder.
type tree struct {
	places map[store.ItemKey]string
	taken  map[string]store.ItemKey // by place without regard to case
	fold   cases.Caser
}

func newTree() *tree {
	return &tree{places: make(map[store.ItemKey]string), taken: make(map[string]store.ItemKey), fold: cases.Fold()}
}

// place returns where the items of a folder go: MAILBOX/Folder/Path. Folders that
// a file system could take for one are kept apart by a mark.
func (t *tree) place(item store.ItemKey, folder string) string {
	key := store.ItemKey{Mailbox: item.Mailbox, Folder: item.Folder}
	if place, ok := t.places[key]; ok {
		return place
	}
	names := selection.SplitPath(folder)
	root := ""
	if strings.HasPrefix(folder, "#") {
		root, names = names[0], names[1:]
	}
	place := path.Join(folderName(key.Mailbox), folderPath(safeName(root), names))
	if other, double := t.taken[t.fold.String(place)]; double && other != key {
		place += " [" + mark(key.Mailbox, key.Folder) + "]"
	}
	t.places[key], t.taken[t.fold.String(place)] = place, key
	return place
}
