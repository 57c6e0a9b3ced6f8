package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	"codingplatform/backend/api"
	"codingplatform/backend/auth"
	"codingplatform/backend/filesync"
	"codingplatform/backend/metrics"
	"codingplatform/backend/postgres"
	"codingplatform/backend/relay"
	"codingplatform/backend/reqctx"
	"codingplatform/backend/session"
	"codingplatform/backend/web"
)

const (
	// relayDrain bounds the time in which sockets are told to reconnect; httpDrain that of requests under way.
	relayDrain = 5 * time.Second
	httpDrain  = 15 * time.Second
	// Headers come at once or not at all; each call sets its own deadline for the rest.
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
)

// serve runs the backend until ctx ends, then drains it. onReady is told the address once everything answers;
// it may be nil.
//
// Parts start from the database up and end the other way round. First it says that it is not ready any more; sockets are
// told to come back elsewhere, and requests end; beside that sessions get their last commit and their leases are let go,
// since others wait for them; then come the connections to agents, and the database.
func serve(ctx context.Context, cfg config, logger *slog.Logger, onReady func(url string)) (err error) {
	// Taken first, so that a second backend ends before it touches anything.
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s (another program may use it; --listen names another address): %w", cfg.Listen, err)
	}
	defer func() { err = errors.Join(err, ignoreClosed(listener.Close())) }()
	var scraped net.Listener
	if cfg.MetricsListen != "" {
		if scraped, err = (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.MetricsListen); err != nil {
			return fmt.Errorf("listen on %s (--metrics-listen names another address): %w", cfg.MetricsListen, err)
		}
		defer func() { err = errors.Join(err, ignoreClosed(scraped.Close())) }()
	}
	told := metrics.New(version)
	// Parts outlive ctx to drain in order.
	lasting := context.WithoutCancel(ctx)

	db, err := openDatabase(ctx, cfg, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close(lasting)) }()
	store := db.store
	wakes := postgres.NewListener(db.listenURL, logger)

	authority, err := openAuthority(cfg)
	if err != nil {
		return err
	}
	runtime, closeRuntime, err := openRuntime(ctx, cfg, authority, told, logger)
	if err != nil {
		return err
	}
	defer closeRuntime()
	pool := agentconn.NewPool(runtime, authority, cfg.Replica)
	defer pool.Close()

	limits := backend.Limits{MaxFileBytes: cfg.MaxFileBytes, MaxWorkspaceBytes: cfg.MaxWorkspace, MaxFiles: cfg.MaxFiles}
	sessions := session.NewManager(session.Config{
		Store: store, Audit: store, Wakes: wakes, Runtime: runtime, Pool: pool, Replica: cfg.Replica,
		Policy:            filesync.Policy{Ignore: cfg.Ignore, Limits: limits},
		Idle:              cfg.Idle,
		Limits:            cfg.Running,
		MaxRecordingBytes: cfg.MaxRecording,
		LeaseTTL:          cfg.LeaseTTL, StopEnvironments: cfg.Runtime == "local", StopGrace: cfg.StopGrace, Started: told.Started, Logger: logger,
	})
	sockets := relay.NewHandler(relay.Config{
		Sessions: sessions, Store: store, Wakes: wakes, Origins: cfg.Origins, Replica: cfg.Replica, Logger: logger,
		Authenticate: func(r *http.Request) (backend.User, error) {
			user, ok := reqctx.User(r.Context())
			if !ok {
				return user, backend.Errorf(backend.CodeUnauthenticated, "sign in first")
			}
			return user, nil
		},
	})
	watch(told, store, sessions, sockets)
	var draining atomic.Bool
	handler, err := newHandler(cfg, limits, logger, store, wakes, sessions, sockets, told, draining.Load)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		BaseContext: func(net.Listener) context.Context { return lasting },
		ErrorLog:    slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}

	group, running := errgroup.WithContext(ctx)
	// What draining needs goes on until it is done.
	late, endLate := context.WithCancel(lasting)
	defer endLate()
	group.Go(func() error { return ended(late, wakes.Run(late)) })
	if scraped != nil {
		group.Go(func() error { return serveMetrics(late, scraped, told) })
		logger.InfoContext(ctx, "metrics at http://"+shownAddress(cfg.MetricsListen, scraped.Addr())+"/metrics") //nolint:sloglint // as below
	}
	managed := make(chan struct{})
	group.Go(func() error {
		defer close(managed)
		return ended(running, sessions.Run(running))
	})
	group.Go(func() error { return ended(running, sockets.Run(running)) })
	group.Go(func() error { return ended(running, maintain(running, cfg, store, logger)) })
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve HTTP: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-running.Done()
		logger.InfoContext(lasting, "draining", "reason", context.Cause(running).Error())
		draining.Store(true)
		err := drain(lasting, server, sockets, logger)
		<-managed
		endLate()
		return err
	})
	url := "http://" + shownAddress(cfg.Listen, listener.Addr())
	logger.InfoContext(ctx, "ready at "+url, "version", version) //nolint:sloglint // people and scripts look for this line
	if onReady != nil {
		onReady(url)
	}
	err = group.Wait()
	logger.InfoContext(lasting, "stopped")
	return err
}

func newHandler(cfg config, limits backend.Limits, logger *slog.Logger, store *postgres.Store,
	wakes *postgres.Listener, sessions *session.Manager, sockets http.Handler, told *metrics.Metrics, draining func() bool,
) (http.Handler, error) {
	files, err := web.Embedded()
	if err != nil {
		return nil, err
	}
	frontend, err := web.New(files, logger)
	if err != nil {
		return nil, err
	}
	authenticator, err := auth.New(auth.Config{
		Store: store, Cost: cfg.BcryptCost, TokenTTL: cfg.TokenTTL, Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	return api.New(api.Config{
		Logger: logger, Auth: authenticator, Store: store, Control: api.NewControl(sessions, logger), Wakes: wakes,
		Relay: sockets, Frontend: frontend, Version: version, Limits: limits, TokenTTL: cfg.TokenTTL, TrashAge: cfg.TrashAge,
		AllowedOrigins: cfg.Origins, TrustProxy: cfg.TrustProxy, Draining: draining, Observe: told.Request,
	})
}

// drain ends sockets first, so that their clients look for another replica while requests still end.
func drain(ctx context.Context, server *http.Server, sockets *relay.Handler, logger *slog.Logger) (err error) {
	relayed, cancel := context.WithTimeout(ctx, relayDrain)
	defer cancel()
	if cut := sockets.Drain(relayed); cut > 0 {
		logger.WarnContext(ctx, "cut sockets that did not close in time", "sockets", cut)
	}
	requests, cancelRequests := context.WithTimeout(ctx, httpDrain)
	defer cancelRequests()
	if shut := server.Shutdown(requests); shut != nil {
		err = errors.Join(fmt.Errorf("wait for requests under way: %w", shut), server.Close())
	}
	return err
}

// ended tells a part that ended because its context did from one that failed.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || errors.Is(err, ctx.Err())) {
		return nil
	}
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// shownAddress is the address as a person would type it: the name that was asked for, the port that was got.
func shownAddress(asked string, got net.Addr) string {
	host, _, err := net.SplitHostPort(asked)
	_, port, gotErr := net.SplitHostPort(got.String())
	if err != nil || gotErr != nil {
		return got.String()
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
