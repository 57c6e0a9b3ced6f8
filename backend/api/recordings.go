package api

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/recording"
)

// recordingBody is a recording in an answer.
type recordingBody struct {
	ID        backend.RecordingID `json:"id"`
	SessionID backend.SessionID   `json:"session_id"`
	Terminal  string              `json:"terminal"`
	Title     string              `json:"title"`
	Cols      int                 `json:"cols"`
	Rows      int                 `json:"rows"`
	StartedAt time.Time           `json:"started_at"`
	EndedAt   *time.Time          `json:"ended_at"`
	// Duration is the time of the last event, in seconds.
	Duration float64 `json:"duration"`
	// Size is that of the whole file, in bytes.
	Size   int64 `json:"size"`
	Active bool  `json:"active"`
	// Error says why it ended before its time.
	Error string `json:"error"`
}

func newRecordingBody(r backend.Recording) recordingBody {
	body := recordingBody{
		ID: r.ID, SessionID: r.SessionID, Terminal: r.Terminal, Title: r.Title, Cols: r.Cols, Rows: r.Rows,
		StartedAt: r.StartedAt.UTC(), Duration: r.Duration.Seconds(), Size: r.Size + int64(len(recording.Header(r))),
		Active: r.Active(), Error: r.Error,
	}
	if !r.Active() {
		ended := r.EndedAt.UTC()
		body.EndedAt = &ended
	}
	return body
}

type recordingAnswer struct {
	Success bool          `json:"success"`
	Message string        `json:"message"`
	Data    recordingBody `json:"data"`
}

type recordingList struct {
	Success bool            `json:"success"`
	Message string          `json:"message"`
	Data    []recordingBody `json:"data"`
	Count   int             `json:"count"`
}

func (s *server) startRecording(w http.ResponseWriter, r *http.Request) error {
	name, err := terminalName(r)
	if err != nil {
		return err
	}
	started, err := s.cfg.Control.StartRecording(r.Context(), sessionOf(r).ID, name)
	if err != nil {
		return err
	}
	s.auditRecording(r, "recording.start", started)
	w.Header().Set("Location", "/api/workspace/"+string(started.SessionID)+"/recordings/"+string(started.ID))
	s.answer(w, r, http.StatusCreated, recordingAnswer{Success: true, Message: "Recording", Data: newRecordingBody(started)})
	return nil
}

func (s *server) stopRecording(w http.ResponseWriter, r *http.Request) error {
	name, err := terminalName(r)
	if err != nil {
		return err
	}
	stopped, err := s.cfg.Control.StopRecording(r.Context(), sessionOf(r).ID, name)
	if err != nil {
		return err
	}
	s.auditRecording(r, "recording.stop", stopped)
	s.answer(w, r, http.StatusOK, recordingAnswer{Success: true, Message: "Recorded", Data: newRecordingBody(stopped)})
	return nil
}

func (s *server) listRecordings(w http.ResponseWriter, r *http.Request) error {
	recordings, err := s.cfg.Store.Recordings(r.Context(), sessionOf(r).ID)
	if err != nil {
		return err
	}
	list := recordingList{Success: true, Data: make([]recordingBody, 0, len(recordings)), Count: len(recordings)}
	for _, one := range recordings {
		list.Data = append(list.Data, newRecordingBody(one))
	}
	s.answer(w, r, http.StatusOK, list)
	return nil
}

// namedRecording finds the recording that the path names.
func (s *server) namedRecording(r *http.Request) (backend.Recording, error) {
	id, err := pathUUID(r, "recording_id", "recording")
	if err != nil {
		return backend.Recording{}, err
	}
	return s.cfg.Store.Recording(r.Context(), sessionOf(r).ID, backend.RecordingID(id))
}

func (s *server) recording(w http.ResponseWriter, r *http.Request) error {
	found, err := s.namedRecording(r)
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, recordingAnswer{Success: true, Data: newRecordingBody(found)})
	return nil
}

func (s *server) deleteRecording(w http.ResponseWriter, r *http.Request) error {
	found, err := s.namedRecording(r)
	if err != nil {
		return err
	}
	if err := s.cfg.Store.DeleteRecording(r.Context(), found.SessionID, found.ID); err != nil {
		return err
	}
	s.auditRecording(r, "recording.delete", found)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// downloadRecording streams a recording, of one that goes on what is stored by now.
func (s *server) downloadRecording(w http.ResponseWriter, r *http.Request) error {
	found, err := s.namedRecording(r)
	if err != nil {
		return err
	}
	h := w.Header()
	return s.cfg.Store.CopyRecording(r.Context(), found.SessionID, found.ID, func(now backend.Recording) (io.Writer, error) {
		s.auditRecording(r, "recording.download", now)
		h.Set("Content-Type", "application/x-asciicast")
		h.Set("Cache-Control", "private, no-cache")
		if r.URL.Query().Get("download") == "1" {
			h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{
				"filename": now.Terminal + "-" + now.StartedAt.UTC().Format("20060102-150405") + ".cast",
			}))
		}
		if _, err := w.Write(recording.Header(now)); err != nil {
			return nil, fmt.Errorf("send a recording: %w", err)
		}
		return w, nil
	})
}

// auditRecording notes what the user did to a recording.
func (s *server) auditRecording(r *http.Request, action string, of backend.Recording) {
	s.audit(r, action, of.SessionID, map[string]any{"recording_id": of.ID, "terminal": of.Terminal})
}
