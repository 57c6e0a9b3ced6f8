package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"codingplatform/backend"
)

// AuditEntry is who did what. Empty IDs are stored as none.
type AuditEntry struct {
	// Action is a word of the caller's, for example "session.delete".
	Action     string
	UserID     backend.UserID
	SessionID  backend.SessionID
	RemoteAddr string
	RequestID  string
	// Detail is stored as JSON; it must hold no secrets.
	Detail map[string]any
}

// Audit stores an entry of the audit log.
func (s *Store) Audit(ctx context.Context, e AuditEntry) error {
	detail := e.Detail
	if detail == nil {
		detail = map[string]any{}
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("write the detail of %q as JSON: %w", e.Action, err)
	}
	_, err = s.pool.Exec(ctx, `
		INSERT INTO audit_log (action, user_id, session_id, remote_addr, request_id, detail) VALUES ($1, $2, $3, $4, $5, $6::jsonb)`,
		e.Action, nullable(e.UserID), nullable(e.SessionID), e.RemoteAddr, e.RequestID, string(text))
	return wrap(err, "write the audit log")
}

// AuditSession stores what happened to a session's environment; nobody in particular did it.
func (s *Store) AuditSession(ctx context.Context, action string, session backend.SessionID, detail map[string]any) error {
	return s.Audit(ctx, AuditEntry{Action: action, SessionID: session, Detail: detail})
}
