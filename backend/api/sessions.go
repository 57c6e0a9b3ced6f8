package api

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
	"codingplatform/backend/reqctx"
)

// maxNameLen is the longest name of a session, in characters.
const maxNameLen = 100

const (
	defaultPage = 100
	maxPage     = 1000
	maxSkip     = 1 << 30
)

// sessionBody is a session in an answer.
type sessionBody struct {
	ID             backend.SessionID `json:"id"`
	UserID         backend.UserID    `json:"user_id"`
	Name           string            `json:"name"`
	IsActive       bool              `json:"is_active"`
	Phase          backend.Phase     `json:"phase"`
	Reason         string            `json:"reason"`
	QueuePlace     int               `json:"queue_place"`
	CreatedAt      time.Time         `json:"created_at"`
	UpdatedAt      time.Time         `json:"updated_at"`
	LastActivityAt time.Time         `json:"last_activity_at"`
	// FileCount and Size are of what is saved; Size is in bytes.
	FileCount int64 `json:"file_count"`
	Size      int64 `json:"size"`
	// Access is told of one session, not of lists.
	Access *accessBody `json:"access,omitempty"`
}

func newSessionBody(s backend.Session) sessionBody {
	return sessionBody{
		ID: s.ID, UserID: s.UserID, Name: s.Name, IsActive: s.Phase.Active(), Phase: s.Phase, Reason: s.Reason, QueuePlace: s.Place,
		CreatedAt: s.CreatedAt.UTC(), UpdatedAt: s.UpdatedAt.UTC(), LastActivityAt: s.LastActivityAt.UTC(),
		FileCount: s.Files, Size: s.Bytes,
	}
}

type sessionAnswer struct {
	Success bool        `json:"success"`
	Message string      `json:"message"`
	Data    sessionBody `json:"data"`
}

type sessionList struct {
	Success bool          `json:"success"`
	Message string        `json:"message"`
	Data    []sessionBody `json:"data"`
	Count   int64         `json:"count"`
}

func (s *server) listSessions(w http.ResponseWriter, r *http.Request) error {
	skip, err := queryInt(r, "skip", 0, 0, maxSkip)
	if err != nil {
		return err
	}
	limit, err := queryInt(r, "limit", defaultPage, 1, maxPage)
	if err != nil {
		return err
	}
	sessions, count, err := s.cfg.Store.Sessions(r.Context(), userOf(r).ID, skip, limit)
	if err != nil {
		return err
	}
	list := sessionList{Success: true, Data: make([]sessionBody, 0, len(sessions)), Count: count}
	for _, session := range sessions {
		list.Data = append(list.Data, newSessionBody(session))
	}
	s.answer(w, r, http.StatusOK, list)
	return nil
}

func (s *server) createSession(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name     string `json:"name"`
		Template string `json:"template"`
	}
	if err := readJSON(w, r, maxCallBytes, &in); err != nil {
		return err
	}
	if strings.TrimSpace(in.Name) == "" {
		in.Name = "Untitled"
	}
	name, err := cleanName(in.Name)
	if err != nil {
		return err
	}
	files, err := templateFiles(in.Template)
	if err != nil {
		return err
	}
	session, err := s.cfg.Store.CreateSession(r.Context(), userOf(r).ID, name, files)
	if err != nil {
		return err
	}
	s.audit(r, "session.create", session.ID, nil)
	w.Header().Set("Location", "/api/sessions/"+string(session.ID))
	s.answer(w, r, http.StatusCreated, sessionAnswer{Success: true, Message: "Session created", Data: newSessionBody(session)})
	return nil
}

func (s *server) session(w http.ResponseWriter, r *http.Request) error {
	body := newSessionBody(sessionOf(r))
	body.Access = newAccessBody(accessOf(r))
	s.answer(w, r, http.StatusOK, body)
	return nil
}

func (s *server) renameSession(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name string `json:"name"`
	}
	if err := readJSON(w, r, maxCallBytes, &in); err != nil {
		return err
	}
	name, err := cleanName(in.Name)
	if err != nil {
		return err
	}
	session, err := s.cfg.Store.RenameSession(r.Context(), userOf(r).ID, sessionOf(r).ID, name)
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, newSessionBody(session))
	return nil
}

func (s *server) deleteSession(w http.ResponseWriter, r *http.Request) error {
	if err := s.cfg.Store.TrashSession(r.Context(), userOf(r).ID, sessionOf(r).ID); err != nil {
		return err
	}
	s.audit(r, "session.delete", sessionOf(r).ID, nil)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// audit notes what the user did to a session. It is done by now: a call that failed after it would only be made
// again.
func (s *server) audit(r *http.Request, action string, id backend.SessionID, detail map[string]any) {
	err := s.cfg.Store.Audit(r.Context(), postgres.AuditEntry{
		Action: action, UserID: userOf(r).ID, SessionID: id,
		RemoteAddr: reqctx.ClientOf(r.Context()).Addr, RequestID: reqctx.RequestID(r.Context()), Detail: detail,
	})
	if err != nil {
		s.log.ErrorContext(r.Context(), "the audit log could not be written",
			"request_id", reqctx.RequestID(r.Context()), "action", action, "session_id", id, "error", err)
	}
}

// cleanName trims a session's name and refuses one that could not be shown in a line.
func cleanName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", invalid("name", "give the session a name")
	case utf8.RuneCountInString(name) > maxNameLen:
		return "", invalid("name", "use 100 characters at most")
	case strings.ContainsFunc(name, unicode.IsControl):
		return "", invalid("name", "leave out line breaks and control characters")
	}
	return name, nil
}

// templates are what a new session can start with. Each is a program that runs as it is.
func templates() map[string][]postgres.NewFile {
	return map[string][]postgres.NewFile{
		"":       nil,
		"empty":  nil,
		"python": {{Path: "main.py", Mode: 0o644, Content: []byte("print(\"Hello, world!\")\n")}},
		"node":   {{Path: "main.js", Mode: 0o644, Content: []byte("console.log(\"Hello, world!\");\n")}},
	}
}

func templateFiles(template string) ([]postgres.NewFile, error) {
	all := templates()
	files, ok := all[template]
	if !ok {
		names := make([]string, 0, len(all))
		for name := range all {
			if name != "" {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return nil, invalid("template", "choose one of "+strings.Join(names, ", "))
	}
	return files, nil
}
