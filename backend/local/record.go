package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/pidfd"
)

// record is environment.json: how a live environment is found again.
type record struct {
	ID        backend.EnvironmentID `json:"id"`
	SessionID backend.SessionID     `json:"session_id"`
	CreatedAt time.Time             `json:"created_at"`
	Limits    string                `json:"limits"`
	// BootID says in which boot of the machine the PIDs and start times are valid.
	BootID string `json:"boot_id"`
	// Init is the sandbox's first process, the agent; Outer is bwrap, which waits for it.
	Init  processID `json:"init"`
	Outer processID `json:"outer"`
	// Cgroups are the directories to remove when it has ended.
	Cgroups []string `json:"cgroups,omitempty"`
	// MemoryEvents is the file in one of them that counts kills for want of memory.
	MemoryEvents string `json:"memory_events,omitempty"`
	MemoryBytes  int64  `json:"memory_bytes,omitempty"`
}

// processID names a process for as long as the machine runs.
type processID struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"`
}

func identify(pid int) (processID, error) {
	start, err := pidfd.StartTime(pid)
	return processID{pid, start}, err
}

func (rec record) environment(phase backend.EnvironmentPhase, reason string) backend.Environment {
	return backend.Environment{ID: rec.ID, SessionID: rec.SessionID, Phase: phase, Reason: reason, CreatedAt: rec.CreatedAt, Limits: rec.Limits}
}

func (l layout) readRecord() (record, error) {
	var rec record
	content, err := os.ReadFile(l.record())
	if err != nil {
		return rec, fmt.Errorf("read the environment's record: %w", err)
	}
	if err := json.Unmarshal(content, &rec); err != nil {
		return rec, fmt.Errorf("read the environment's record %s: %w", l.record(), err)
	}
	return rec, nil
}

func (l layout) writeRecord(rec record) error {
	content, err := json.MarshalIndent(rec, "", "  ")
	if err == nil {
		err = replaceFile(l.record(), append(content, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("write the environment's record: %w", err)
	}
	return nil
}

// removeRecord removes it if it is still that of the environment.
func (l layout) removeRecord(id backend.EnvironmentID) error {
	rec, err := l.readRecord()
	if errors.Is(err, fs.ErrNotExist) || err == nil && rec.ID != id {
		return nil
	}
	if err := os.Remove(l.record()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the environment's record: %w", err)
	}
	return nil
}

// exitCode is what bwrap wrote to status.json in the end; ok is false when it did not.
func (l layout) exitCode() (code int, ok bool) {
	file, err := os.Open(l.status())
	if err != nil {
		return 0, false
	}
	defer func() { _ = file.Close() }() // read only
	documents := json.NewDecoder(io.LimitReader(file, 64<<10))
	for {
		var document struct {
			ExitCode *int `json:"exit-code"`
		}
		if err := documents.Decode(&document); err != nil {
			return code, ok
		}
		if document.ExitCode != nil {
			code, ok = *document.ExitCode, true
		}
	}
}

// lastWords are the last lines of agent.log, for people.
func (l layout) lastWords() string {
	const most, lines = 4 << 10, 3
	file, err := os.Open(l.log())
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }() // read only
	info, err := file.Stat()
	if err != nil {
		return ""
	}
	content, err := io.ReadAll(io.NewSectionReader(file, max(0, info.Size()-most), most))
	if err != nil {
		return ""
	}
	all := strings.Split(strings.TrimSpace(strings.ToValidUTF8(string(content), "?")), "\n")
	// The agent's ordinary news explain nothing.
	all = slices.DeleteFunc(all, func(line string) bool {
		return strings.Contains(line, " level=INFO ") || strings.Contains(line, " level=DEBUG ")
	})
	return strings.Join(all[max(0, len(all)-lines):], "; ")
}

func bootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read the machine's boot ID: %w", err)
	}
	return strings.TrimSpace(string(id)), nil
}

// replaceFile writes a whole file or none.
func replaceFile(path string, content []byte, mode fs.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Chmod(mode), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
