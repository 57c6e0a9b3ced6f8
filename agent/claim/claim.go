// Package claim is the life of an agent before it has a session: one that was started so that somebody who wants an
// environment need not wait for it.
//
//	started ─▶ unclaimed: /readyz says yes, only ClaimService is served ─▶ claimed: served as any other agent
//
// It knows nothing of a user. Its identity names its environment alone; a backend that authenticates hands it another,
// for a session and exactly this environment, once. What is not whole is refused and changes nothing.
//
// The listeners outlive the claim: whoever dials between the two lives waits in the kernel's queue, and is served by
// the second one.
package claim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/sync/errgroup"

	"codingplatform/agent/health"
	"codingplatform/agent/identity"
	"codingplatform/agent/rpc"
	agentv1 "codingplatform/proto/gen/agent/v1"
	"codingplatform/proto/gen/agent/v1/agentv1connect"
)

const (
	maxMessageBytes = 1 << 20
	// answerGrace is how long the answer to the claim may take to leave.
	answerGrace = 2 * time.Second
)

// Config is what Wait needs.
type Config struct {
	Logger *slog.Logger
	// Identity names the environment alone.
	Identity identity.Identity
	// Version of the program, for people.
	Version string
	// Listener is where backends call, Health where the kubelet does; that may be nil. They stay open.
	Listener, Health net.Listener
}

// Claimed is what the agent has been told.
type Claimed struct {
	Identity identity.Identity
	// Env is for users' programs, "KEY=value".
	Env []string
}

// Wait serves until a claim is taken and answered. It returns ctx's cause when that ends first.
func Wait(ctx context.Context, cfg Config) (Claimed, error) {
	if !cfg.Identity.Unclaimed() {
		return Claimed{}, errors.New("wait for a claim: the identity has a session already")
	}
	tlsConfig, err := cfg.Identity.ServerTLS()
	if err != nil {
		return Claimed{}, err
	}
	listener, err := lend(cfg.Listener)
	if err != nil {
		return Claimed{}, err
	}
	service := &service{cfg: cfg, taken: make(chan struct{}), stopAccepting: listener.Close}
	mux := http.NewServeMux()
	mux.Handle(agentv1connect.NewClaimServiceHandler(service, connect.WithReadMaxBytes(maxMessageBytes)))
	claims := &http.Server{
		Handler: mux, TLSConfig: tlsConfig, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second,
		ErrorLog: slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelWarn),
	}
	checks := health.NewServer(func() bool { return true }, cfg.Logger)

	group, failed := errgroup.WithContext(ctx)
	group.Go(func() error { return served(claims.ServeTLS(listener, "", "")) })
	if cfg.Health != nil {
		lentHealth, err := lend(cfg.Health)
		if err != nil {
			return Claimed{}, errors.Join(err, claims.Close(), group.Wait())
		}
		group.Go(func() error { return served(checks.Serve(lentHealth)) })
	}
	group.Go(func() error {
		select {
		case <-service.taken:
		case <-failed.Done():
		}
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerGrace)
		defer cancel()
		// Who is being answered is answered first.
		if err := claims.Shutdown(grace); err != nil {
			cfg.Logger.WarnContext(ctx, "calls were under way when the agent was claimed", "error", err)
			err = claims.Close()
			return errors.Join(err, checks.Close())
		}
		return checks.Close()
	})
	err = group.Wait()
	claimed, is := service.result()
	switch {
	case err != nil:
		return Claimed{}, err
	case !is:
		return Claimed{}, context.Cause(ctx)
	}
	if err := errors.Join(giveBack(cfg.Listener), giveBack(cfg.Health)); err != nil {
		return Claimed{}, err
	}
	return claimed, nil
}

func served(err error) error {
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("serve claims: %w", err)
}

// service implements agentv1connect.ClaimServiceHandler.
type service struct {
	cfg   Config
	taken chan struct{}
	// stopAccepting is called before the answer, since who has got it dials the agent of the session.
	stopAccepting func() error

	mu      sync.Mutex
	is      bool
	claimed Claimed
}

// Claim implements ClaimService.
func (s *service) Claim(
	ctx context.Context, req *connect.Request[agentv1.ClaimRequest],
) (*connect.Response[agentv1.ClaimResponse], error) {
	msg := req.Msg
	if err := rpc.CheckProtocol(msg.GetMinProtocol(), msg.GetMaxProtocol()); err != nil {
		return nil, err
	}
	id, err := identity.Parse(msg.GetIdentity())
	if err == nil && id.Unclaimed() {
		err = errors.New("identity: it has no session")
	}
	if err != nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, err)
	}
	if id.EnvironmentID != s.cfg.Identity.EnvironmentID {
		return nil, connect.NewError(connect.CodeFailedPrecondition, errors.New("the claim is for another environment"))
	}
	if i := slices.IndexFunc(msg.GetEnv(), func(v string) bool { return strings.Index(v, "=") < 1 }); i >= 0 {
		return nil, connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("env %d: must be KEY=value", i))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is {
		return nil, connect.NewError(connect.CodeFailedPrecondition, errors.New("the agent has been claimed"))
	}
	if err := s.stopAccepting(); err != nil {
		return nil, connect.NewError(connect.CodeInternal, err)
	}
	s.is, s.claimed = true, Claimed{Identity: id, Env: slices.Clone(msg.GetEnv())}
	s.cfg.Logger.InfoContext(ctx, "claimed", "session_id", id.SessionID, "replica", msg.GetReplica())
	close(s.taken)
	return connect.NewResponse(&agentv1.ClaimResponse{Version: s.cfg.Version}), nil
}

func (s *service) result() (Claimed, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claimed, s.is
}

// lent is a listener that a server may close while the socket goes on listening.
type lent struct {
	net.Listener
	limit deadliner
}

type deadliner interface{ SetDeadline(t time.Time) error }

func lend(l net.Listener) (*lent, error) {
	limit, can := l.(deadliner)
	if !can {
		return nil, fmt.Errorf("listen on %s: such a listener cannot be handed over", l.Addr())
	}
	return &lent{l, limit}, nil
}

// Accept implements net.Listener.
func (l *lent) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, net.ErrClosed // a server would try a time-out again
	}
	return conn, err
}

// Close implements net.Listener: Accept returns, and the socket stays.
func (l *lent) Close() error { return l.limit.SetDeadline(time.Unix(1, 0)) }

// giveBack lets the listener accept again.
func giveBack(l net.Listener) error {
	if limit, can := l.(deadliner); can {
		if err := limit.SetDeadline(time.Time{}); err != nil {
			return fmt.Errorf("take the listener back: %w", err)
		}
	}
	return nil
}
