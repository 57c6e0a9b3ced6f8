package api

import (
	"net/http"
	"time"

	"codingplatform/backend"
)

// trashedBody is a session that was deleted and can be brought back.
type trashedBody struct {
	sessionBody

	DeletedAt time.Time `json:"deleted_at"`
	// PurgeAt is when it is gone for good, about.
	PurgeAt time.Time `json:"purge_at"`
}

func (s *server) listTrash(w http.ResponseWriter, r *http.Request) error {
	sessions, err := s.cfg.Store.TrashedSessions(r.Context(), userOf(r).ID)
	if err != nil {
		return err
	}
	list := struct {
		Success bool          `json:"success"`
		Message string        `json:"message"`
		Data    []trashedBody `json:"data"`
		Count   int           `json:"count"`
	}{Success: true, Data: make([]trashedBody, 0, len(sessions)), Count: len(sessions)}
	for _, session := range sessions {
		list.Data = append(list.Data, trashedBody{newSessionBody(session), session.TrashedAt.UTC(), session.TrashedAt.Add(s.cfg.TrashAge).UTC()})
	}
	s.answer(w, r, http.StatusOK, list)
	return nil
}

func (s *server) restoreSession(w http.ResponseWriter, r *http.Request) error {
	id, err := pathUUID(r, "deleted_id", "session")
	if err != nil {
		return err
	}
	if err := s.cfg.Store.RestoreSession(r.Context(), userOf(r).ID, backend.SessionID(id)); err != nil {
		return err
	}
	s.audit(r, "session.restore", backend.SessionID(id), nil)
	session, _, err := s.cfg.Store.Access(r.Context(), userOf(r).ID, backend.SessionID(id))
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, sessionAnswer{Success: true, Message: "Session brought back", Data: newSessionBody(session)})
	return nil
}

func (s *server) purgeSession(w http.ResponseWriter, r *http.Request) error {
	id, err := pathUUID(r, "deleted_id", "session")
	if err != nil {
		return err
	}
	if err := s.cfg.Store.DeleteTrashed(r.Context(), userOf(r).ID, backend.SessionID(id)); err != nil {
		return err
	}
	s.audit(r, "session.purge", backend.SessionID(id), nil)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// duplicateSession makes another session with the same saved files.
func (s *server) duplicateSession(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name string `json:"name"`
	}
	if err := readJSON(w, r, maxCallBytes, &in); err != nil {
		return err
	}
	if in.Name == "" {
		in.Name = copyName(sessionOf(r).Name)
	}
	name, err := cleanName(in.Name)
	if err != nil {
		return err
	}
	session, left, err := s.cfg.Store.DuplicateSession(r.Context(), userOf(r).ID, sessionOf(r).ID, name)
	if err != nil {
		return err
	}
	s.audit(r, "session.duplicate", session.ID, map[string]any{"of": sessionOf(r).ID, "left": left})
	w.Header().Set("Location", "/api/sessions/"+string(session.ID))
	s.answer(w, r, http.StatusCreated, struct {
		sessionAnswer

		// Left counts what is not saved, and so was not copied.
		Left int `json:"left"`
	}{sessionAnswer{Success: true, Message: "Session duplicated", Data: newSessionBody(session)}, left})
	return nil
}

// copyName is the name of a copy, cut to what a name may have.
func copyName(name string) string {
	const suffix = " copy"
	runes := []rune(name)
	return string(runes[:min(len(runes), maxNameLen-len(suffix))]) + suffix
}
