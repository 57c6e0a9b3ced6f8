package relay

import (
	"time"

	"codingplatform/backend"
	"codingplatform/backend/filesync"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// The messages of docs/api/websocket.md.

// alive is what a stream says that may have nothing to tell for long.
const alive = `{"type":"alive"}`

type statusMessage struct {
	Type    string        `json:"type"`
	Phase   backend.Phase `json:"phase"`
	Message string        `json:"message"`
	Reason  string        `json:"reason"`
	Since   time.Time     `json:"since"`
	// StopsAt is when it stops by itself, or nothing.
	StopsAt    time.Time `json:"stops_at,omitzero"`
	MayStay    bool      `json:"may_stay"`
	QueuePlace int       `json:"queue_place"`
}

func newStatus(s backend.Session) statusMessage {
	m := statusMessage{Type: "status", Phase: s.Phase, Reason: s.Reason, Since: s.PhaseSince.UTC(), MayStay: s.MayStay, QueuePlace: s.Place}
	if !s.StopsAt.IsZero() {
		m.StopsAt = s.StopsAt.UTC()
	}
	switch s.Phase {
	case backend.PhaseStopped:
		m.Message = "Stopped"
	case backend.PhaseStarting:
		m.Message = "Starting"
	case backend.PhaseRestoring:
		m.Message = "Bringing the files"
	case backend.PhaseReady:
		m.Message = "Ready"
	case backend.PhaseStopping:
		m.Message = "Stopping"
	case backend.PhaseFailed:
		m.Message = "Failed"
	}
	return m
}

type attachedMessage struct {
	Type        string `json:"type"`
	Terminal    string `json:"terminal"`
	Incarnation string `json:"incarnation"`
	Offset      uint64 `json:"offset"`
	InputOffset uint64 `json:"input_offset"`
	Cols        uint32 `json:"cols"`
	Rows        uint32 `json:"rows"`
	Reset       bool   `json:"reset"`
	Snapshot    int    `json:"snapshot"`
	Title       string `json:"title"`
	Created     bool   `json:"created"`
	Mode        string `json:"mode"`
}

type sizeMessage struct {
	Type string `json:"type"`
	Cols uint32 `json:"cols"`
	Rows uint32 `json:"rows"`
}

type gapMessage struct {
	Type string `json:"type"`
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

type titleMessage struct {
	Type  string `json:"type"`
	Title string `json:"title"`
}

type exitMessage struct {
	Type string `json:"type"`
	exitStatus
}

type exitStatus struct {
	Code   int32  `json:"code"`
	Signal string `json:"signal"`
	Reason string `json:"reason"`
}

func newExit(e *agentv1.TerminalExit) *exitStatus {
	if e == nil {
		return nil
	}
	return &exitStatus{Code: e.GetCode(), Signal: e.GetSignal(), Reason: e.GetReason()}
}

type errorMessage struct {
	Type    string `json:"type"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// clientMessage is any text frame of a client.
type clientMessage struct {
	Type    string `json:"type"`
	Cols    uint32 `json:"cols"`
	Rows    uint32 `json:"rows"`
	Offset  uint64 `json:"offset"`
	Visible *bool  `json:"visible"`
}

type filesMessage struct {
	Type     string        `json:"type"`
	Revision int64         `json:"revision"`
	Reset    bool          `json:"reset"`
	Changes  []changeEntry `json:"changes"`
}

type changeEntry struct {
	Path          string                `json:"path"`
	Op            backend.ChangeOp      `json:"op"`
	From          string                `json:"from,omitempty"`
	Type          backend.FileType      `json:"type"`
	Size          int64                 `json:"size"`
	Mode          uint32                `json:"mode"`
	Revision      int64                 `json:"revision"`
	UpdatedAt     time.Time             `json:"updated_at"`
	Source        backend.Source        `json:"source"`
	Saved         bool                  `json:"saved"`
	UnsavedReason backend.UnsavedReason `json:"unsaved_reason"`
	LinkTarget    string                `json:"link_target,omitempty"`
}

func newChange(c backend.Change) changeEntry {
	return changeEntry{
		Path: c.Path, Op: c.Op, From: c.From, Type: c.Type, Size: c.Size, Mode: c.Mode, Revision: c.Revision,
		UpdatedAt: c.UpdatedAt.UTC(), Source: c.Source, Saved: c.Unsaved == backend.Saved, UnsavedReason: c.Unsaved, LinkTarget: c.LinkTarget,
	}
}

type terminalsMessage struct {
	Type      string     `json:"type"`
	Terminals []Terminal `json:"terminals"`
}

// Terminal is how a terminal is told to clients, here and over HTTP.
type Terminal struct {
	Name string `json:"name"`
	// FormerNames still reach it; never nil in an answer.
	FormerNames []string `json:"former_names"`
	Title       string   `json:"title"`
	Cwd         string   `json:"cwd"`
	Cols        uint32   `json:"cols"`
	Rows        uint32   `json:"rows"`
	Running     bool     `json:"running"`
	Foreground  string   `json:"foreground"`
	Viewers     uint32   `json:"viewers"`
	// Watchers are those who look at it, on whichever replica.
	Watchers []terminalWatcher `json:"watchers"`
	// Recording says that it is being recorded.
	Recording bool `json:"recording"`
	// Bells is how often the bell was rung.
	Bells uint64      `json:"bells"`
	Exit  *exitStatus `json:"exit"`
}

// terminalWatcher is one who looks at a terminal.
type terminalWatcher struct {
	Name    string            `json:"name"`
	Mode    backend.ShareMode `json:"mode"`
	Visible bool              `json:"visible"`
}

func newWatchers(viewers []*agentv1.TerminalViewer) []terminalWatcher {
	watchers := make([]terminalWatcher, 0, len(viewers))
	for _, v := range viewers {
		mode := backend.ShareView
		if v.GetMode() == agentv1.TerminalMode_TERMINAL_MODE_WRITE {
			mode = backend.ShareWrite
		}
		watchers = append(watchers, terminalWatcher{Name: v.GetName(), Mode: mode, Visible: v.GetVisible()})
	}
	return watchers
}

// NewTerminals converts a list, never to nil.
func NewTerminals(infos []*agentv1.TerminalInfo) []Terminal {
	terminals := make([]Terminal, 0, len(infos))
	for _, t := range infos {
		terminals = append(terminals, Terminal{
			Name: t.GetName(), FormerNames: append([]string{}, t.GetFormerNames()...), Title: t.GetTitle(), Cwd: t.GetCwd(), Cols: t.GetCols(), Rows: t.GetRows(),
			Running: t.GetExit() == nil, Foreground: t.GetForeground(), Viewers: t.GetViewers(), Exit: newExit(t.GetExit()),
			Watchers: newWatchers(t.GetWatchers()), Recording: t.GetRecording(), Bells: t.GetBells(),
		})
	}
	return terminals
}

type conflictMessage struct {
	Type          string `json:"type"`
	Path          string `json:"path"`
	VersionsPath  string `json:"versions_path"`
	Revision      int64  `json:"revision"`
	BaseRevision  int64  `json:"base_revision"`
	OtherRevision int64  `json:"other_revision"`
	Resolved      bool   `json:"resolved"`
	Message       string `json:"message"`
}

func newConflict(c backend.Conflict, resolved bool, message string) conflictMessage {
	return conflictMessage{
		Type: "conflict", Path: c.Path, VersionsPath: c.VersionsPath, Revision: c.Revision, BaseRevision: c.BaseRevision, OtherRevision: c.OtherRevision,
		Resolved: resolved, Message: message,
	}
}

type presenceMessage struct {
	Type    string   `json:"type"`
	Viewers []viewer `json:"viewers"`
}

type viewer struct {
	Connection string `json:"connection"`
	Username   string `json:"username"`
}

type syncMessage struct {
	Type      string `json:"type"`
	WatchMode string `json:"watch_mode"`
	Pending   int64  `json:"pending"`
	Unsaved   int64  `json:"unsaved"`
	Braked    bool   `json:"braked"`
	Message   string `json:"message"`
}

func newSync(s filesync.Status) syncMessage {
	return syncMessage{Type: "sync", WatchMode: s.WatchMode, Pending: s.Pending, Unsaved: s.Unsaved, Braked: s.Braked, Message: s.Message}
}
