package filesync

import (
	"maps"
	"slices"
	"strings"

	"codingplatform/backend"
)

// hints are the paths at which the disk may lack what the database has.
type hints struct {
	// paths are looked at; true: with all below.
	paths map[string]bool
	// content of which paths goes along: the disk may have what was moved, and asks for the rest.
	content map[string]bool
	// moves spare the disk the writing.
	moves []move
	// failed are paths that could not be written; true: nor all below. They wait before they are looked at again.
	failed map[string]bool
	// noted counts what came since it was last noted that all is settled.
	noted int
}

type move struct{ from, to string }

func newHints() *hints {
	return &hints{paths: map[string]bool{}, content: map[string]bool{}, failed: map[string]bool{}}
}

func (h *hints) none() bool { return len(h.paths) == 0 }

func (h *hints) add(path string, whole bool) {
	h.paths[path] = h.paths[path] || whole
	h.noted++
}

// note takes changes in, in their order.
func (h *hints) note(changes []backend.Change) {
	for _, c := range changes {
		if c.Op == backend.OpMove {
			h.follow(c.From, c.Path)
		}
		if c.Source == backend.SourceTerminal || c.Op == backend.OpPut && c.Unsaved != backend.Saved {
			continue // what came from the disk is there
		}
		switch c.Op {
		case backend.OpPut:
			h.add(c.Path, false)
			h.content[c.Path] = true
		case backend.OpDelete:
			h.add(c.Path, c.PreviousType == backend.TypeFolder)
		case backend.OpMove:
			h.add(c.From, true)
			h.add(c.Path, c.Type == backend.TypeFolder)
			h.moves = append(h.moves, move{c.From, c.Path})
		}
	}
}

// follow takes hints along with a move, whoever made it: what was below the former path is below the new one, and what was
// part of a folder that is looked at as a whole is still to be looked at.
func (h *hints) follow(from, to string) {
	for path, whole := range maps.Clone(h.paths) {
		switch {
		case isAt(path, from):
			moved := to + strings.TrimPrefix(path, from)
			h.add(moved, whole)
			h.content[moved] = h.content[moved] || h.content[path]
		case whole && isAt(from, path):
			h.add(to, true)
		}
	}
	for path, whole := range maps.Clone(h.failed) {
		switch {
		case isAt(path, from):
			h.fail(to+strings.TrimPrefix(path, from), whole)
		case whole && isAt(from, path):
			h.fail(to, true)
		}
	}
	for i, m := range h.moves {
		if isAt(m.to, from) {
			h.moves[i].to = to + strings.TrimPrefix(m.to, from)
		}
	}
}

// isAt says whether a path is another one, or below it.
func isAt(path, above string) bool {
	rest, ok := strings.CutPrefix(path, above)
	return ok && (rest == "" || rest[0] == '/')
}

// query names the paths to read, with the folders above them, and those of which all below is read.
func (h *hints) query() (paths, under []string) {
	all := map[string]bool{}
	for path, whole := range h.paths {
		if whole {
			under = append(under, path)
		}
		for at := len(path); at > 0; at = strings.LastIndexByte(path[:at], '/') {
			all[path[:at]] = true
		}
	}
	return slices.Sorted(maps.Keys(all)), under
}

// operation is what the database has at a path.
type operation struct {
	op    backend.ChangeOp
	item  backend.Item
	from  string
	whole bool
	// hinted: it is not only a folder above; below: so was all below, whatever is there now; content: it goes along.
	hinted, below, content bool
}

func (o operation) wantsContent() bool {
	return o.content && o.op == backend.OpPut && o.item.Type == backend.TypeFile && o.item.Unsaved == backend.Saved
}

// operations are moves, then what there is, parents first, then what there is no more.
func (h *hints) operations(present backend.Present) (ops []operation) {
	there := make(map[string]backend.Item, len(present.Items))
	for _, item := range present.Items {
		there[item.Path] = item
	}
	for _, m := range h.moves {
		item, ok := there[m.to]
		if _, former := there[m.from]; ok && !former {
			ops = append(ops, operation{op: backend.OpMove, item: item, from: m.from})
		}
	}
	for _, item := range present.Items {
		whole, itself := h.paths[item.Path]
		ops = append(ops, operation{
			op: backend.OpPut, item: item, whole: whole && item.Type == backend.TypeFolder,
			hinted: itself || h.covers(item.Path), below: whole, content: h.content[item.Path],
		})
	}
	for _, path := range slices.Sorted(maps.Keys(h.paths)) {
		if _, ok := there[path]; !ok {
			ops = append(ops, operation{op: backend.OpDelete, item: backend.Item{Path: path}, hinted: true, below: h.paths[path]})
		}
	}
	return ops
}

// covers says whether a path is below one that is looked at as a whole.
func (h *hints) covers(path string) bool {
	for at := strings.LastIndexByte(path, '/'); at > 0; at = strings.LastIndexByte(path[:at], '/') {
		if h.paths[path[:at]] {
			return true
		}
	}
	return false
}

// begin forgets all hints, since their outcomes follow.
func (h *hints) begin() {
	clear(h.paths)
	clear(h.content)
	h.moves = nil
}

// fail keeps a path for later.
func (h *hints) fail(path string, whole bool) { h.failed[path] = h.failed[path] || whole }

// retry has what failed looked at again.
func (h *hints) retry() {
	for path, whole := range h.failed {
		h.add(path, whole)
	}
	clear(h.failed)
}

// again keeps a hint.
func (h *hints) again(op operation, content bool) {
	switch {
	case op.op == backend.OpMove:
		h.moves = append(h.moves, move{op.from, op.item.Path})
		// What is there has to be known by then: a program may put something new there meanwhile, which is no part of it.
		h.add(op.from, true)
	case op.hinted:
		h.add(op.item.Path, op.below)
		h.content[op.item.Path] = content || op.content
	}
}
