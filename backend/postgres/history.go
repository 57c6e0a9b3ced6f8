package postgres

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

// Place is a place in a workspace's history; its zero value is the end, before which is everything. A page begins before
// the place of the last entry of the page before.
type Place struct {
	Revision int64
	// N is the place among the changes of the revision.
	N int
}

func (p Place) orEnd() Place {
	if p == (Place{}) {
		return Place{math.MaxInt64, 0}
	}
	return p
}

func (p Place) less(q Place) bool {
	return p.Revision < q.Revision || p.Revision == q.Revision && p.N < q.N
}

// Versions is a page of a history, the newest first, and the place where the next page begins; zero: there is none.
type Versions struct {
	Versions []backend.Version
	Next     Place
}

const versionQuery = `SELECT ` + changeColumns + `, h.n, coalesce(h.user_id::text, ''), coalesce(u.username, '')
	FROM workspace_history h LEFT JOIN users u ON u.id = h.user_id WHERE h.session_id = $1 AND (h.revision, h.n) < ($2, $3) `

// History lists the versions of a path, through its renames and those of the folders that it is in. It begins before a
// place. CodeNotFound when there never was such a path.
func (s *Store) History(ctx context.Context, id backend.SessionID, path string, before Place, limit int) (page Versions, err error) {
	if !isUUID(string(id)) {
		return page, noSession()
	}
	if before == (Place{}) {
		asked := path
		defer func() {
			if err == nil && len(page.Versions) == 0 {
				err = noItem(asked)
			}
		}()
	}
	before = before.orEnd()
	at := Place{}.orEnd()
	// Each round is a stretch in which the path had one name.
	for {
		moved, err := moved(ctx, s.pool, id, append(ancestors(path), path), at)
		if err != nil {
			return page, err
		}
		high, low := at, moved.at
		if before.less(high) {
			high = before
		}
		if moved.to == path {
			low.N-- // the move is a version of the file itself; of what is in a folder it is none
		}
		found, err := versions(ctx, s.pool, versionQuery+`AND h.path = $4 AND (h.revision, h.n) > ($5, $6) ORDER BY h.revision DESC, h.n DESC LIMIT $7`,
			string(id), high.Revision, high.N, path, low.Revision, low.N, limit+1-len(page.Versions))
		if err != nil {
			return page, err
		}
		for _, v := range found {
			if len(page.Versions) == limit {
				return page, nil
			}
			page.Versions, page.Next = append(page.Versions, v.Version), v.place
		}
		if !moved.found {
			page.Next = Place{}
			return page, nil
		}
		path, at = moved.from+path[len(moved.to):], moved.at
	}
}

// move is a row that gave a path its name.
type move struct {
	found    bool
	at       Place
	from, to string
	source   backend.Source
}

// moved finds the newest move before a place to one of paths.
func moved(ctx context.Context, tx querier, id backend.SessionID, paths []string, before Place) (m move, err error) {
	err = tx.QueryRow(ctx, `SELECT h.revision, h.n, h.from_path, h.path, h.source FROM workspace_history h
		WHERE h.session_id = $1 AND (h.revision, h.n) < ($2, $3) AND h.op = 'move' AND h.path = ANY($4::text[])
		ORDER BY h.revision DESC, h.n DESC LIMIT 1`, string(id), before.Revision, before.N, paths).
		Scan(&m.at.Revision, &m.at.N, &m.from, &m.to, &m.source)
	if errors.Is(err, pgx.ErrNoRows) {
		return move{}, nil
	}
	m.found = true
	return m, wrap(err, "follow the history of a file")
}

// placed is a version with its place.
type placed struct {
	backend.Version
	place Place
}

func versions(ctx context.Context, tx querier, query string, args ...any) ([]placed, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, wrap(err, "read the history")
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (v placed, err error) {
		v.Change, err = scanChangeAnd(row, &v.place.N, &v.UserID, &v.Username)
		v.place.Revision = v.Revision
		return v, err
	})
	return found, wrap(err, "read the history")
}

// Recent lists the changes of the whole workspace, the newest first.
func (s *Store) Recent(ctx context.Context, id backend.SessionID, before Place, limit int) (page Versions, err error) {
	if !isUUID(string(id)) {
		return page, noSession()
	}
	before = before.orEnd()
	found, err := versions(ctx, s.pool, versionQuery+`ORDER BY h.revision DESC, h.n DESC LIMIT $4`, string(id), before.Revision, before.N, limit+1)
	if err != nil {
		return page, err
	}
	for i, v := range found {
		if i == limit {
			page.Next = found[i-1].place
			break
		}
		page.Versions = append(page.Versions, v.Version)
	}
	return page, nil
}

// VersionAt returns what was at a path after a revision, with the revision of that state. CodeNotFound: there was nothing,
// or nothing is known of it any more.
func (s *Store) VersionAt(ctx context.Context, id backend.SessionID, path string, revision int64) (item backend.Item, err error) {
	if !isUUID(string(id)) {
		return item, noSession()
	}
	return versionAt(ctx, s.pool, id, path, revision)
}

func versionAt(ctx context.Context, tx querier, id backend.SessionID, path string, revision int64) (item backend.Item, err error) {
	asked := path
	at := Place{revision, math.MaxInt32}
	if revision == math.MaxInt64 {
		at = Place{revision, 0}
	}
	for {
		// The newest of what gave the path its state, and what took it, or a folder above, away.
		var last placed
		found, err := versions(ctx, tx, versionQuery+`AND (h.path = $4 OR h.path = ANY($5::text[]) AND h.op IN ('delete', 'move')
			OR h.op = 'move' AND (h.from_path = $4 OR h.from_path = ANY($5::text[]))) ORDER BY h.revision DESC, h.n DESC LIMIT 1`,
			string(id), at.Revision, at.N, path, ancestors(path))
		if err != nil {
			return item, err
		}
		if len(found) == 1 {
			last = found[0]
		}
		switch {
		case len(found) == 0, last.Op == backend.OpDelete, last.Op == backend.OpMove && isUnder(path, last.From) && !isUnder(path, last.Path):
			return item, backend.Errorf(backend.CodeNotFound, "there was no %q at revision %d, or its history does not reach back that far", asked, revision)
		case last.Path == path:
			item = last.Item
			item.Path = asked
			return item, nil
		}
		path, at = last.From+path[len(last.Path):], last.place
	}
}

// RevisionAt is the workspace's revision at a moment: that of the last change until then. CodeNotFound: the history does
// not reach back that far.
func (s *Store) RevisionAt(ctx context.Context, id backend.SessionID, at time.Time) (revision int64, err error) {
	var floor int64
	var created time.Time
	if !isUUID(string(id)) {
		return 0, noSession()
	}
	err = s.pool.QueryRow(ctx, `SELECT coalesce((SELECT h.revision FROM workspace_history h WHERE h.session_id = w.session_id AND h.created_at <= $2
			ORDER BY h.revision DESC LIMIT 1), 0), w.history_floor, s.created_at
		FROM workspaces w JOIN sessions s ON s.id = w.session_id WHERE w.session_id = $1`, string(id), at).Scan(&revision, &floor, &created)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, noSession()
	case err != nil:
		return 0, wrap(err, "find the revision of a moment")
	case revision < floor || at.Before(created):
		return 0, tooOld(floor)
	}
	return revision, nil
}

func tooOld(floor int64) error {
	return backend.Errorf(backend.CodeNotFound, "the history does not reach back that far: the oldest moment that can be restored is revision %d", floor)
}

// DeletedFiles lists saved files that are gone, those that went last first, and says whether there are more.
func (s *Store) DeletedFiles(ctx context.Context, id backend.SessionID, limit int) (files []backend.Deleted, more bool, err error) {
	if !isUUID(string(id)) {
		return nil, false, noSession()
	}
	past, err := s.replayTo(ctx, s.pool, id, math.MaxInt64, true)
	if err != nil {
		return nil, false, wrap(err, "list deleted files")
	}
	latest := map[string]*pastRow{}
	for _, row := range past.rows {
		if row.gone != "" && row.Hash != (backend.Hash{}) {
			latest[row.gone] = row
		}
	}
	for path, row := range latest {
		if now := past.find(path); now != nil && (now.row != nil || len(now.children) > 0) {
			continue
		}
		item := row.Item
		item.Path = path
		files = append(files, backend.Deleted{
			Item: item, DeletedRevision: row.ended.Revision, DeletedAt: row.ended.UpdatedAt, Source: row.ended.Source,
		})
	}
	slices.SortFunc(files, func(a, b backend.Deleted) int {
		if a.DeletedRevision != b.DeletedRevision {
			return int(b.DeletedRevision - a.DeletedRevision)
		}
		return strings.Compare(a.Path, b.Path)
	})
	more = len(files) > limit
	return files[:min(limit, len(files))], more, nil
}

// ancestors are the folders that a path is in.
func ancestors(path string) []string {
	var all []string
	for i := strings.LastIndexByte(path, '/'); i > 0; i = strings.LastIndexByte(path, '/') {
		path = path[:i]
		all = append(all, path)
	}
	return all
}
