package agent

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"codingplatform/agent/identity"
	"codingplatform/agent/sysinfo"
	"codingplatform/agent/terminal"
	"codingplatform/proto/gen/agent/v1/agentv1connect"
)

// FileService keeps the workspace directory and the database equal. Run is called once and must return when
// its context ends, with everything known journalled.
type FileService interface {
	agentv1connect.FileServiceHandler
	Run(ctx context.Context) error
	// PrepareStop scans once more, and answers with the last sequence that must be committed and with up to 100
	// paths that could not be read.
	PrepareStop(ctx context.Context, epoch uint64) (flushedThrough uint64, unreadable []string, err error)
	// LastChange is when the workspace was last seen to change but by the backend; zero: never.
	LastChange() time.Time
}

// Options are what a Server needs.
type Options struct {
	Logger   *slog.Logger
	Identity identity.Identity
	// Version of the program, for people.
	Version string
	// Incarnation is random per start; the FileService must have been given the same one. See NewIncarnation.
	Incarnation string
	// Root is the workspace directory, State a folder outside of it for the agent's own files: absolute paths.
	Root, State string
	// Home of users' programs; default: Root.
	Home string
	// Shell is the login shell's path; Path the PATH of users' programs.
	Shell, Path string
	// Env is added to the environment of users' programs, "KEY=value".
	Env []string
	// Files serves the workspace; nil: FileService is not offered.
	Files FileService
	// Terminals holds limits only; the rest of it is filled in by New.
	Terminals terminal.Config
	// MaxProcesses without a terminal at once; default 32.
	MaxProcesses int
	// Usage is that of the users' programs; default: sysinfo.UserUsage of this process. Agents that share a process look once
	// for all of them.
	Usage func() (sysinfo.Usage, error)
	// OrphanTimeout ends Run when no authenticated call was under way for so long; 0: never.
	OrphanTimeout time.Duration
}

func (o *Options) complete() error {
	var errs []error
	if o.Logger == nil {
		errs = append(errs, errors.New("a logger is needed"))
	}
	if o.Identity.Unclaimed() {
		errs = append(errs, errors.New("the identity has no session"))
	}
	if o.Incarnation == "" {
		errs = append(errs, errors.New("an incarnation is needed"))
	}
	if !filepath.IsAbs(o.Root) || !filepath.IsAbs(o.State) {
		errs = append(errs, errors.New("root and state must be absolute paths"))
	}
	if o.Shell == "" {
		o.Shell = "/bin/bash"
	}
	if o.Path == "" {
		o.Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	if o.MaxProcesses == 0 {
		o.MaxProcesses = 32
	}
	if o.Usage == nil {
		o.Usage = func() (sysinfo.Usage, error) { return sysinfo.UserUsage(os.Getpid()) }
	}
	return errors.Join(errs...)
}
