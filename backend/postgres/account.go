package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

// Settings returns what a user has chosen: version 0 and an empty object, if nothing.
func (s *Store) Settings(ctx context.Context, user backend.UserID) (backend.Settings, error) {
	return s.versioned(ctx, "read the settings", `SELECT version, data::text FROM user_settings WHERE user_id = $1`, string(user))
}

// SaveSettings replaces a user's settings of a version by others. CodeConflict with the present version as Revision when
// that is another one.
func (s *Store) SaveSettings(ctx context.Context, user backend.UserID, base int64, data json.RawMessage) (int64, error) {
	var version int64
	b := &pgx.Batch{}
	// Of two that insert at once, one waits at the key and then finds another version.
	b.Queue(`
		INSERT INTO user_settings AS u (user_id, version, data) SELECT $1, nextval('account_versions'), $3::jsonb
		WHERE $2 = 0 OR EXISTS (SELECT 1 FROM user_settings WHERE user_id = $1)
		ON CONFLICT (user_id) DO UPDATE SET version = excluded.version, data = excluded.data, updated_at = now()
		WHERE u.version = $2 RETURNING version`, string(user), base, string(data)).
		QueryRow(func(row pgx.Row) error { return row.Scan(&version) })
	b.Queue(`SELECT pg_notify($1, $2)`, channel, accountPayload(user, kindAccount))
	err := s.pool.SendBatch(ctx, b).Close()
	if errors.Is(err, pgx.ErrNoRows) {
		present, err := s.Settings(ctx, user)
		if err != nil {
			return 0, err
		}
		return 0, &backend.Error{Code: backend.CodeConflict, Message: "the settings were changed elsewhere meanwhile", Revision: present.Version}
	}
	return version, wrap(err, "save the settings")
}

// Layout returns how a user has arranged a session.
func (s *Store) Layout(ctx context.Context, user backend.UserID, session backend.SessionID) (backend.Layout, error) {
	return s.versioned(ctx, "read a layout", `SELECT version, data::text FROM session_layouts WHERE session_id = $1 AND user_id = $2`, string(session), string(user))
}

func (s *Store) versioned(ctx context.Context, what, query string, args ...any) (backend.Settings, error) {
	var found backend.Settings
	var text string
	err := s.pool.QueryRow(ctx, query, args...).Scan(&found.Version, &text)
	if errors.Is(err, pgx.ErrNoRows) {
		return backend.Settings{Data: json.RawMessage(`{}`)}, nil
	}
	found.Data = json.RawMessage(text)
	return found, wrap(err, what)
}

const (
	// openLayouts is of how many people the open files are looked for, and openFiles how many there are at most.
	openLayouts = 8
	openFiles   = 100
)

// OpenFiles returns the paths that people had open in a session last, those in front first, 100 at most. Nothing says that
// they exist: an arrangement is the browser's.
func (s *Store) OpenFiles(ctx context.Context, session backend.SessionID) ([]string, error) {
	rows, err := s.pool.Query(ctx, `SELECT data->'files'->'groups' FROM session_layouts WHERE session_id = $1 ORDER BY version DESC LIMIT $2`,
		string(session), openLayouts)
	if err != nil {
		return nil, wrap(err, "read which files are open")
	}
	layouts, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return nil, wrap(err, "read which files are open")
	}
	var front, behind []string
	for _, data := range layouts {
		var groups []struct {
			Tabs   []string `json:"tabs"`
			Active string   `json:"active"`
		}
		if json.Unmarshal(data, &groups) != nil {
			continue // another version of the browser's, which says nothing here
		}
		for _, g := range groups {
			front = append(front, g.Active)
			behind = append(behind, g.Tabs...)
		}
	}
	seen := map[string]bool{"": true}
	open := slices.DeleteFunc(append(front, behind...), func(path string) bool {
		twice := seen[path]
		seen[path] = true
		return twice
	})
	return open[:min(len(open), openFiles)], nil
}

// MergeLayout sets the fields of a layout that are given, drops those that are null, and leaves the others. CodeTooLarge
// when it would have more than most bytes.
func (s *Store) MergeLayout(ctx context.Context, user backend.UserID, session backend.SessionID, fields json.RawMessage, most int) (backend.Layout, error) {
	var merged backend.Layout
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var text string
		var size int
		err := tx.QueryRow(ctx, `
			INSERT INTO session_layouts AS l (session_id, user_id, version, data) VALUES ($1, $2, nextval('account_versions'), (
				SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each($3::jsonb) WHERE value <> 'null'))
			ON CONFLICT (session_id, user_id) DO UPDATE SET version = nextval('account_versions'), updated_at = now(), data = (
				SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(l.data || $3::jsonb) WHERE value <> 'null')
			RETURNING version, data::text, octet_length(data::text)`, string(session), string(user), string(fields)).Scan(&merged.Version, &text, &size)
		if err != nil {
			return err
		}
		if size > most {
			return backend.Errorf(backend.CodeTooLarge, "a layout has %d bytes at most", most)
		}
		merged.Data = json.RawMessage(text)
		_, err = tx.Exec(ctx, `SELECT pg_notify($1, $2)`, channel, accountPayload(user, kindAccount))
		return err
	})
	return merged, wrap(err, "save a layout")
}

// AccountState says what a user's devices compare with what they know.
func (s *Store) AccountState(ctx context.Context, user backend.UserID) (state backend.AccountState, err error) {
	err = s.pool.QueryRow(ctx, `SELECT
		coalesce((SELECT version FROM user_settings WHERE user_id = $1), 0),
		coalesce((SELECT max(version) FROM session_layouts WHERE user_id = $1), 0),
		coalesce((SELECT (extract(epoch FROM max(updated_at)) * 1000000)::bigint + count(*) FROM sessions WHERE user_id = $1 AND deleted_at IS NULL), 0)`,
		string(user)).Scan(&state.Settings, &state.Layouts, &state.Sessions)
	return state, wrap(err, "look at an account")
}
