package postgres

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

// replay is a workspace's tree made again from its history, row by row in their order.
type replay struct {
	root *past
	// rows are all that were taken, when they shall be judged; else none.
	rows  []*pastRow
	judge bool
}

// past is a place in the tree.
type past struct {
	children map[string]*past
	// row made the present state, and older the ones before it, through renames; nil: only what is below is known.
	row   *pastRow
	older []*pastRow
}

// pastRow is one row of the history.
type pastRow struct {
	backend.Change
	n int
	// ended is the row that put an end to its state; nil: it lasts.
	ended *pastRow
	// gone is the path at which it was when it was deleted or overwritten by a move.
	gone string
	// over are the rows that this one stands on: without it, they would tell another tree.
	over []*pastRow
}

func newReplay(judge bool) *replay { return &replay{root: &past{}, judge: judge} }

func (p *past) child(name string) *past {
	if c := p.children[name]; c != nil {
		return c
	}
	if p.children == nil {
		p.children = map[string]*past{}
	}
	c := &past{}
	p.children[name] = c
	return c
}

// at returns the place of a path, which is made if need be.
func (r *replay) at(path string) *past {
	p := r.root
	for name := range strings.SplitSeq(path, "/") {
		p = p.child(name)
	}
	return p
}

// find returns the place of a path, or nil.
func (r *replay) find(path string) *past {
	p := r.root
	if path == "" {
		return p
	}
	for name := range strings.SplitSeq(path, "/") {
		if p = p.children[name]; p == nil {
			return nil
		}
	}
	return p
}

// detach takes a place with all below it out of the tree; nil: there is none.
func (r *replay) detach(path string) *past {
	parent, name := r.root, path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		parent, name = r.find(path[:i]), path[i+1:]
	}
	if parent == nil {
		return nil
	}
	p := parent.children[name]
	delete(parent.children, name)
	return p
}

// take applies the next row.
func (r *replay) take(c backend.Change, n int) {
	row := &pastRow{Change: c, n: n}
	if r.judge {
		r.rows = append(r.rows, row)
	}
	switch c.Op {
	case backend.OpPut:
		r.set(r.at(c.Path), row)
	case backend.OpDelete:
		r.end(r.detach(c.Path), row)
		row.ended = row
	case backend.OpMove:
		r.end(r.detach(c.Path), row)
		moved := r.detach(c.From)
		if moved == nil {
			moved = &past{}
		}
		if r.judge {
			moved.walk("", func(_ string, p *past) {
				row.over = append(row.over, p.older...)
				if p.row != nil {
					row.over = append(row.over, p.row)
				}
			})
		}
		r.set(moved, row)
		parent, name := r.root, c.Path
		if i := strings.LastIndexByte(c.Path, '/'); i >= 0 {
			parent, name = r.at(c.Path[:i]), c.Path[i+1:]
		}
		if parent.children == nil {
			parent.children = map[string]*past{}
		}
		parent.children[name] = moved
	}
}

// set makes row the state of a place.
func (r *replay) set(p *past, row *pastRow) {
	if old := p.row; old != nil {
		old.ended = row
		if r.judge {
			row.over = append(row.over, old)
			p.older = append(p.older, old)
		}
	}
	p.row = row
}

// end ends the states of a place that is gone, with all below it.
func (r *replay) end(p *past, by *pastRow) {
	if p == nil {
		return
	}
	p.walk(by.Path, func(path string, p *past) {
		if p.row != nil {
			p.row.ended, p.row.gone = by, path
			by.over = append(by.over, p.row)
		}
		by.over = append(by.over, p.older...)
	})
}

// walk visits a place and all below it, parents first and by name.
func (p *past) walk(path string, visit func(path string, p *past)) {
	visit(path, p)
	names := make([]string, 0, len(p.children))
	for name := range p.children {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		below := name
		if path != "" {
			below = path + "/" + name
		}
		p.children[name].walk(below, visit)
	}
}

// state lists what was at path ("": everywhere) and below it, parents first. Folders of which no row is left are told as
// plain ones.
func (r *replay) state(path string) []backend.Item {
	var items []backend.Item
	p := r.find(path)
	if p == nil {
		return nil
	}
	p.walk(path, func(path string, p *past) {
		switch {
		case path == "":
		case p.row != nil:
			item := p.row.Item
			item.Path = path
			items = append(items, item)
		case len(p.children) > 0:
			items = append(items, backend.Item{Path: path, Type: backend.TypeFolder, Mode: folderMode})
		}
	})
	return items
}

// old are the rows that may go: those whose state ended before horizon, that are not among the newest keep of what is
// still there, that no open conflict names, and on which nothing that stays stands. floor is the last revision for which
// they are needed.
func (r *replay) old(horizon time.Time, keep int, conflicts []int64) (rows []*pastRow, floor int64) {
	kept := map[*pastRow]bool{}
	r.root.walk("", func(_ string, p *past) {
		if p.row != nil {
			for _, row := range p.older[max(0, len(p.older)-max(keep-1, 0)):] {
				kept[row] = true
			}
		}
	})
	gone := map[*pastRow]bool{}
	// In their order, since a row stands on older ones only.
	for _, row := range r.rows {
		if row.ended == nil || kept[row] || slices.Contains(conflicts, row.Revision) || !row.ended.UpdatedAt.Before(horizon) {
			continue
		}
		if slices.ContainsFunc(row.over, func(o *pastRow) bool { return !gone[o] }) {
			continue
		}
		gone[row] = true
		rows = append(rows, row)
		floor = max(floor, row.ended.Revision)
	}
	return rows, floor
}

// replayTo makes the tree again as it was after a revision.
func (s *Store) replayTo(ctx context.Context, tx querier, id backend.SessionID, revision int64, judge bool) (*replay, error) {
	rows, err := tx.Query(ctx, `SELECT `+changeColumns+`, h.n FROM workspace_history h
		WHERE h.session_id = $1 AND h.revision <= $2 ORDER BY h.revision, h.n`, string(id), revision)
	if err != nil {
		return nil, err
	}
	r := newReplay(judge)
	var n int
	for rows.Next() {
		c, err := scanChangeAnd(rows, &n)
		if err != nil {
			rows.Close()
			return nil, err
		}
		r.take(c, n)
	}
	return r, rows.Err()
}

// querier is a pool, a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// byPath orders items, parents first.
func byPath(a, b backend.Item) int { return cmp.Compare(a.Path, b.Path) }
