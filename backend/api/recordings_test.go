package api_test

import (
	"context"
	"encoding/json"
	"math"
	"mime"
	"net/http"
	"strings"
	"testing"
	"time"

	"codingplatform/backend"
)

const recordedLines = "[0.000000, \"o\", \"hi\"]\n[1.500000, \"o\", \" 😀\"]\n"

// StartRecording stores what a recorder would store of a terminal that has said hi.
func (c control) StartRecording(ctx context.Context, id backend.SessionID, terminal string) (backend.Recording, error) {
	if terminal != "a b" {
		return backend.Recording{}, backend.Errorf(backend.CodeNotFound, "there is no terminal %q", terminal)
	}
	lease, err := c.store.AcquireLease(ctx, id, "test", time.Minute)
	if err != nil {
		return backend.Recording{}, err
	}
	if err := c.store.SetPhase(ctx, lease, backend.PhaseReady, "", "env"); err != nil {
		return backend.Recording{}, err
	}
	r, err := c.store.CreateRecording(ctx, backend.NewRecording{SessionID: id, Terminal: terminal, Title: "vim", Cols: 80, Rows: 24})
	if err != nil {
		return r, err
	}
	err = c.store.AppendRecording(ctx, lease, backend.RecordingChunk{
		ID: r.ID, Data: []byte(recordedLines), Duration: 1500 * time.Millisecond, Cursor: backend.RecordingCursor{Chunks: 1, Incarnation: "i", Offset: 7},
	})
	if err != nil {
		return r, err
	}
	return c.store.Recording(ctx, id, r.ID)
}

// StopRecording ends it at once.
func (c control) StopRecording(ctx context.Context, id backend.SessionID, terminal string) (backend.Recording, error) {
	r, err := c.store.StopRecording(ctx, id, terminal)
	if err != nil {
		return r, err
	}
	return c.store.EndRecording(ctx, id, r.ID, "")
}

type recordingBody struct {
	ID        string    `json:"id"`
	SessionID string    `json:"session_id"`
	Terminal  string    `json:"terminal"`
	Title     string    `json:"title"`
	Cols      int       `json:"cols"`
	Rows      int       `json:"rows"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   *string   `json:"ended_at"`
	Duration  float64   `json:"duration"`
	Size      int       `json:"size"`
	Active    bool      `json:"active"`
	Error     string    `json:"error"`
}

// record starts a recording of the terminal "a b" and returns its ID.
func (s *server) record(token, session string) string {
	s.t.Helper()
	var out struct{ Data recordingBody }
	s.want(http.StatusCreated, request{method: "POST", path: "/api/workspace/" + session + "/terminals/a%20b/recording", token: token}, &out)
	return out.Data.ID
}

func TestRecordings(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token := s.register("ada")
	id := s.session(token)
	base := "/api/workspace/" + id
	var list struct {
		Data  []recordingBody
		Count int
	}
	s.want(http.StatusOK, request{method: "GET", path: base + "/recordings", token: token}, &list)
	if list.Data == nil || list.Count != 0 {
		t.Errorf("none: %+v", list)
	}
	s.wantCode(http.StatusNotFound, backend.CodeNotFound, request{method: "POST", path: base + "/terminals/nope/recording", token: token})
	s.wantCode(http.StatusNotFound, backend.CodeNotFound, request{method: "DELETE", path: base + "/terminals/a%20b/recording", token: token})

	var started, stopped, got struct {
		Success bool
		Data    recordingBody
	}
	res := s.want(http.StatusCreated, request{method: "POST", path: base + "/terminals/a%20b/recording/", token: token}, &started)
	r := started.Data
	if !started.Success || r.SessionID != id || r.Terminal != "a b" || r.Title != "vim" || r.Cols != 80 || r.Rows != 24 || !r.Active ||
		r.EndedAt != nil || r.Error != "" || math.Abs(r.Duration-1.5) > 1e-9 || res.Header.Get("Location") != base+"/recordings/"+r.ID {
		t.Errorf("started: %+v %v", started, res.Header)
	}
	s.wantCode(http.StatusConflict, backend.CodeAlreadyExists, request{method: "POST", path: base + "/terminals/a%20b/recording", token: token})
	s.want(http.StatusOK, request{method: "DELETE", path: base + "/terminals/a%20b/recording", token: token}, &stopped)
	if stopped.Data.ID != r.ID || stopped.Data.Active || stopped.Data.EndedAt == nil {
		t.Errorf("stopped: %+v", stopped)
	}
	s.want(http.StatusOK, request{method: "GET", path: base + "/recordings/" + r.ID, token: token}, &got)
	if got.Data.ID != r.ID || got.Data.Active {
		t.Errorf("found: %+v", got)
	}

	cast := s.want(http.StatusOK, request{method: "GET", path: base + "/recordings/" + r.ID + "/cast", token: token}, nil)
	header, events, _ := strings.Cut(string(cast.body), "\n")
	var first struct {
		Version, Width, Height int
		Timestamp              int64
		Title                  string
	}
	if err := json.Unmarshal([]byte(header), &first); err != nil || first.Version != 2 || first.Width != 80 || first.Height != 24 ||
		first.Timestamp != r.StartedAt.Unix() || first.Title != "vim" {
		t.Errorf("header %q: %+v %v", header, first, err)
	}
	if events != recordedLines || len(cast.body) != r.Size {
		t.Errorf("%d bytes, want %d: %q", len(cast.body), r.Size, events)
	}
	if h := cast.Header; h.Get("Content-Type") != "application/x-asciicast" || h.Get("Content-Disposition") != "" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", h)
	}
	cast = s.want(http.StatusOK, request{method: "GET", path: base + "/recordings/" + r.ID + "/cast?download=1", token: token}, nil)
	kind, params, err := mime.ParseMediaType(cast.Header.Get("Content-Disposition"))
	if want := "a b-" + r.StartedAt.UTC().Format("20060102-150405") + ".cast"; err != nil || kind != "attachment" || params["filename"] != want {
		t.Errorf("%q is not an attachment %q (%v)", cast.Header.Get("Content-Disposition"), want, err)
	}

	second := s.record(token, id)
	s.want(http.StatusOK, request{method: "GET", path: base + "/recordings/", token: token}, &list)
	if list.Count != 2 || len(list.Data) != 2 || list.Data[0].ID != second || list.Data[1].ID != r.ID {
		t.Errorf("the newest first: %+v", list)
	}
	s.want(http.StatusNoContent, request{method: "DELETE", path: base + "/recordings/" + r.ID, token: token}, nil)
	for _, c := range []request{{method: "GET"}, {method: "DELETE"}, {method: "GET", path: "/cast"}} {
		c.path, c.token = base+"/recordings/"+r.ID+c.path, token
		s.wantCode(http.StatusNotFound, backend.CodeNotFound, c)
	}
	s.wantCode(http.StatusNotFound, backend.CodeNotFound, request{method: "GET", path: base + "/recordings/none", token: token})

	// Through another session of the same user it is not there either.
	other := "/api/workspace/" + s.session(token) + "/recordings/" + second
	s.wantCode(http.StatusNotFound, backend.CodeNotFound, request{method: "GET", path: other + "/cast", token: token})
	s.wantCode(http.StatusNotFound, backend.CodeNotFound, request{method: "DELETE", path: other, token: token})

	var actions string
	s.query(&actions, `SELECT string_agg(action, ' ' ORDER BY id) FROM audit_log
		WHERE session_id = $1 AND user_id IS NOT NULL AND detail->>'recording_id' = $2 AND detail->>'terminal' = 'a b'`, id, r.ID)
	if actions != "recording.start recording.stop recording.download recording.download recording.delete" {
		t.Errorf("the audit log has %q", actions)
	}
}
