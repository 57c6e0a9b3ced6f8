package api

import (
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
	"codingplatform/backend/relay"
)

// statusBody is a workspace and its environment in one look.
type statusBody struct {
	// Status is one word for it all: empty, stopped, initializing, ready, stopping or error.
	Status      string        `json:"status"`
	Message     string        `json:"message"`
	Initialized bool          `json:"initialized"`
	FileCount   int64         `json:"file_count"`
	TotalBytes  int64         `json:"total_bytes"`
	Revision    int64         `json:"revision"`
	Phase       backend.Phase `json:"phase"`
	Reason      string        `json:"reason"`
	Since       time.Time     `json:"since"`
	// StopsAt is when it stops by itself; null while no stop is near.
	StopsAt     *time.Time        `json:"stops_at"`
	MayStay     bool              `json:"may_stay"`
	QueuePlace  int               `json:"queue_place"`
	Environment EnvironmentStatus `json:"environment"`
	Sync        SyncStatus        `json:"sync"`
	Limits      limitsBody        `json:"limits"`
}

type limitsBody struct {
	MaxFileBytes      int64 `json:"max_file_bytes"`
	MaxWorkspaceBytes int64 `json:"max_workspace_bytes"`
	MaxFiles          int64 `json:"max_files"`
}

type flushedBody struct {
	Message string  `json:"message"`
	Flushed Flushed `json:"flushed"`
}

type terminalsBody struct {
	Terminals []relay.Terminal `json:"terminals"`
}

type ensuredBody struct {
	Message      string    `json:"message"`
	FilesCreated int       `json:"files_created"`
	File         *itemBody `json:"file,omitempty"`
}

func (s *server) workspaceStatus(w http.ResponseWriter, r *http.Request) error {
	return s.sendStatus(w, r, http.StatusOK, sessionOf(r))
}

func (s *server) sendStatus(w http.ResponseWriter, r *http.Request, code int, session backend.Session) error {
	workspace, err := s.cfg.Store.Workspace(r.Context(), session.ID)
	if err != nil {
		return err
	}
	environment, err := s.cfg.Control.Status(r.Context(), session)
	if err != nil {
		return err
	}
	status, message := describe(session.Phase, workspace.Items)
	s.answer(w, r, code, statusBody{
		Status: status, Message: message, Initialized: workspace.Items > 0 || session.Phase == backend.PhaseReady,
		FileCount: workspace.Files, TotalBytes: workspace.Bytes, Revision: workspace.Revision,
		Phase: session.Phase, Reason: session.Reason, Since: session.PhaseSince.UTC(),
		StopsAt: timeOrNull(session.StopsAt), MayStay: session.MayStay, QueuePlace: session.Place,
		Environment: environment, Sync: environment.Sync,
		Limits: limitsBody{
			MaxFileBytes: s.cfg.Limits.MaxFileBytes, MaxWorkspaceBytes: s.cfg.Limits.MaxWorkspaceBytes, MaxFiles: s.cfg.Limits.MaxFiles,
		},
	})
	return nil
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// describe puts a phase in one word and in one sentence.
func describe(phase backend.Phase, items int64) (status, message string) {
	switch phase {
	case backend.PhaseStopped:
		if items == 0 {
			return "empty", "The workspace is empty"
		}
		return "stopped", "Stopped; it starts when a terminal is opened"
	case backend.PhaseStarting:
		return "initializing", "Starting the environment"
	case backend.PhaseRestoring:
		return "initializing", "Restoring the files"
	case backend.PhaseReady:
		return "ready", "Ready"
	case backend.PhaseStopping:
		return "stopping", "Saving the last changes and stopping"
	case backend.PhaseFailed:
		return "error", "The environment could not run"
	default:
		return "error", "The phase is not known"
	}
}

func (s *server) start(w http.ResponseWriter, r *http.Request) error {
	id := sessionOf(r).ID
	if err := s.cfg.Control.Start(r.Context(), id); err != nil {
		return err
	}
	session, _, err := s.cfg.Store.Access(r.Context(), userOf(r).ID, id)
	if err != nil {
		return err
	}
	return s.sendStatus(w, r, http.StatusAccepted, session)
}

// stay keeps the environment from stopping for lack of use.
func (s *server) stay(w http.ResponseWriter, r *http.Request) error {
	if err := s.cfg.Control.Stay(r.Context(), sessionOf(r).ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) shutdown(w http.ResponseWriter, r *http.Request) error {
	flushed, err := s.cfg.Control.Shutdown(r.Context(), sessionOf(r).ID)
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusAccepted, flushedBody{Message: "Stopped; all changes are saved", Flushed: flushed})
	return nil
}

func (s *server) listTerminals(w http.ResponseWriter, r *http.Request) error {
	terminals, err := s.cfg.Control.Terminals(r.Context(), sessionOf(r).ID)
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, terminalsBody{Terminals: relay.TerminalsFor(accessOf(r), terminals)})
	return nil
}

// releaseBrake says whether the files that vanished at once were meant to go.
func (s *server) releaseBrake(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Delete *bool `json:"delete"`
	}
	if err := readJSON(w, r, maxCallBytes, &in); err != nil {
		return err
	}
	if in.Delete == nil {
		return invalid("delete", "say true (they shall go) or false (bring them back)")
	}
	if err := s.cfg.Control.ReleaseBrake(r.Context(), sessionOf(r).ID, *in.Delete); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// updateTerminal renames a terminal and moves it in the order.
func (s *server) updateTerminal(w http.ResponseWriter, r *http.Request) error {
	name, err := terminalName(r)
	if err != nil {
		return err
	}
	var in struct {
		Name     *string `json:"name"`
		Position *int    `json:"position"`
	}
	if err := readJSON(w, r, maxCallBytes, &in); err != nil {
		return err
	}
	var newName string
	if in.Name != nil {
		if newName = *in.Name; !relay.ValidTerminalName(newName) {
			return invalid("name", "has to be 1 to 64 letters, digits, spaces, '.', '_' or '-'")
		}
	}
	var position *uint32
	if in.Position != nil {
		if *in.Position < 0 {
			return invalid("position", "has to be 0 (the first) or more")
		}
		at := uint32(min(*in.Position, math.MaxInt32)) // beyond the end is the end
		position = &at
	}
	terminals, err := s.cfg.Control.UpdateTerminal(r.Context(), sessionOf(r).ID, name, newName, position)
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, terminalsBody{Terminals: relay.TerminalsFor(accessOf(r), terminals)})
	return nil
}

func (s *server) closeTerminal(w http.ResponseWriter, r *http.Request) error {
	name, err := terminalName(r)
	if err != nil {
		return err
	}
	if err := s.cfg.Control.CloseTerminal(r.Context(), sessionOf(r).ID, name); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// terminalName is the terminal that the path names. The router matches the escaped path; a name may hold a space.
func terminalName(r *http.Request) (string, error) {
	name, err := url.PathUnescape(chi.URLParam(r, "name"))
	if err != nil {
		return "", badRequest("the terminal's name is not escaped correctly", err)
	}
	return name, nil
}

// ensureDefault gives an empty workspace a program to begin with. Two calls at once make one.
func (s *server) ensureDefault(w http.ResponseWriter, r *http.Request) error {
	item, created, err := s.cfg.Store.EnsureDefault(r.Context(), sessionOf(r).ID, userOf(r).ID, templates()["python"][0])
	if err != nil {
		return err
	}
	if !created {
		s.answer(w, r, http.StatusOK, ensuredBody{Message: "The workspace has files already"})
		return nil
	}
	file := newItemBody(item)
	s.answer(w, r, http.StatusOK, ensuredBody{Message: "Created " + item.Path, FilesCreated: 1, File: &file})
	return nil
}

// pathRequest is a request to the store, with who makes it.
func (s *server) pathRequest(r *http.Request, path string) postgres.PathRequest {
	return postgres.PathRequest{
		SessionID: sessionOf(r).ID, UserID: userOf(r).ID, Path: path, Source: backend.SourceAPI, Limits: s.cfg.Limits,
	}
}
