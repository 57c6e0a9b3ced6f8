package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/coder/websocket"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	"codingplatform/backend/filesync"
	"codingplatform/backend/postgres"
	"codingplatform/backend/reqctx"
)

// Close codes of docs/api/websocket.md beside the standard ones.
const (
	closeBadRequest      websocket.StatusCode = 4400
	closeUnauthenticated websocket.StatusCode = 4401
	closeNotFound        websocket.StatusCode = 4404
	closeReplaced        websocket.StatusCode = 4409
)

const (
	pingInterval = 20 * time.Second
	pingTimeout  = 20 * time.Second
	// signInInterval is between looks whether a sign-in has ended with nobody being told: it expires, or a notification
	// is lost.
	signInInterval = 60 * time.Second
	// closeTimeout is how long a client has to answer the closing of its socket.
	closeTimeout = 2 * time.Second
	// maxInputFrame is the largest frame that a client may send.
	maxInputFrame = 1 << 20
	// sendBuffer is what the kernel may hold of what was sent and not yet received, in bytes; Linux takes twice of it.
	sendBuffer = 56 << 10
	// maxReason is what RFC 6455 leaves for a close reason.
	maxReason = 123
)

// Sessions is what the relay needs of the session manager.
type Sessions interface {
	// WaitReady waits for the environment, which start begins if need be.
	WaitReady(ctx context.Context, id backend.SessionID, start bool, onPhase func(backend.Session)) (*agentconn.Conn, error)
	Conn(ctx context.Context, id backend.SessionID) (*agentconn.Conn, error)
	SyncStatus(id backend.SessionID) filesync.Status
	WatchSyncStatus(id backend.SessionID) (<-chan struct{}, func())
}

// Store is what the relay needs of the database.
type Store interface {
	Access(ctx context.Context, user backend.UserID, id backend.SessionID) (backend.Session, backend.Access, error)
	Audit(ctx context.Context, entry postgres.AuditEntry) error
	SessionByID(ctx context.Context, id backend.SessionID) (backend.Session, error)
	Revision(ctx context.Context, id backend.SessionID) (int64, error)
	ChangesSince(ctx context.Context, id backend.SessionID, revision int64, limit int) ([]backend.Change, int64, bool, error)
	OpenConflicts(ctx context.Context, id backend.SessionID) ([]backend.Conflict, error)
	AccountState(ctx context.Context, user backend.UserID) (backend.AccountState, error)
	// CheckSignIn: CodeUnauthenticated when it is no longer good.
	CheckSignIn(ctx context.Context, id backend.SignInID) error
	// Viewers are those of all replicas; the others tell of this one's.
	Viewers(ctx context.Context, id backend.SessionID) ([]backend.Viewer, error)
	AddViewer(ctx context.Context, v backend.Viewer, ttl time.Duration) error
	RemoveViewer(ctx context.Context, v backend.Viewer) error
	KeepViewers(ctx context.Context, replica string, list []backend.Viewer, ttl time.Duration) error
	// Beat says that this replica lives; the viewers of those that say so no more are dropped.
	Beat(ctx context.Context, replica string, ttl time.Duration) error
}

// Wakes tells of changed rows.
type Wakes interface {
	Subscribe(session backend.SessionID) (<-chan struct{}, func())
	// SubscribeAccess wakes after changes of what others may do with a session.
	SubscribeAccess(session backend.SessionID) (<-chan struct{}, func())
	// SubscribeViewers wakes after somebody has opened a session or left it, on any replica.
	SubscribeViewers(session backend.SessionID) (<-chan struct{}, func())
	// SubscribeAccount wakes after changes of what is a user's own, SubscribeSignIns after the end of a sign-in.
	SubscribeAccount(user backend.UserID) (<-chan struct{}, func())
	SubscribeSignIns(user backend.UserID) (<-chan struct{}, func())
}

// Config is what a Handler is made of; all fields are needed.
type Config struct {
	Sessions Sessions
	Store    Store
	Wakes    Wakes
	// Authenticate finds who asks; CodeUnauthenticated when nobody does.
	Authenticate func(*http.Request) (backend.User, error)
	// Origins that may connect besides the server's own, as scheme://host[:port] or host patterns.
	Origins []string
	// Replica is this process's name among its peers.
	Replica string
	Logger  *slog.Logger
}

// Handler serves /ws.
type Handler struct {
	cfg      Config
	presence *presence

	mu       sync.Mutex
	sockets  map[*socket]struct{}
	clients  map[clientKey]*socket
	signIns  map[backend.SignInID]*signInGuard
	draining bool
	done     sync.WaitGroup
}

// clientKey names one viewer of one terminal.
type clientKey struct {
	user     backend.UserID
	session  backend.SessionID
	terminal string
	client   string
}

// NewHandler makes a Handler.
func NewHandler(cfg Config) *Handler {
	return &Handler{cfg: cfg, presence: newPresence(cfg.Replica), sockets: map[*socket]struct{}{}, clients: map[clientKey]*socket{}, signIns: map[backend.SignInID]*signInGuard{}}
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	under := &bounded{ResponseWriter: w}
	conn, err := websocket.Accept(under, r, &websocket.AcceptOptions{
		OriginPatterns: h.cfg.Origins,
		// Terminal output is written in small pieces that compress badly, and costs CPU for each viewer.
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		// Accept has answered.
		h.cfg.Logger.InfoContext(r.Context(), "refused a websocket", "error", err, "origin", r.Header.Get("Origin"))
		return
	}
	conn.SetReadLimit(maxInputFrame)
	// Drain ends sockets, and not the server. Nor does the request's end: what served it is of no use to a socket that
	// may stay for days.
	base := context.WithoutCancel(r.Context())
	ctx, cancel := context.WithCancelCause(base)
	s := &socket{conn: conn, cancel: cancel}
	// Not ctx: a read or write that is cancelled closes the connection without a code.
	open, drop := context.WithCancel(base)
	s.open, s.drop = open, func() {
		drop()
		// A closing that waits for the client's answer with no read under way heeds no context. An error says that it is
		// closed already.
		_ = under.conn.Close()
	}
	if !h.add(s) {
		s.close(websocket.StatusServiceRestart, "this replica is going: reconnect")
		s.drop()
		cancel(nil)
		return
	}
	work, err := h.admit(ctx, r)
	go func() {
		defer h.remove(s)
		defer s.drop()
		defer cancel(nil)
		if err == nil {
			err = h.work(ctx, s, work)
		}
		code, reason := closeOf(ctx, err)
		if code == websocket.StatusInternalError {
			h.cfg.Logger.ErrorContext(ctx, "a websocket failed", "error", err)
		}
		s.close(code, reason)
	}()
}

// bounded hands over connections that hold little for a peer that does not read: the kernel would hold megabytes.
type bounded struct {
	http.ResponseWriter
	// conn is what was taken over.
	conn net.Conn
}

// Hijack implements http.Hijacker.
func (b *bounded) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(b.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	b.conn = conn
	under := conn
	if secure, ok := conn.(*tls.Conn); ok {
		under = secure.NetConn()
	}
	if under, ok := under.(interface{ SetWriteBuffer(bytes int) error }); ok {
		err = under.SetWriteBuffer(sendBuffer)
	}
	return conn, buffered, err
}

// task is what a socket is for.
type task func(context.Context, *socket) error

// admit finds out who asks for what, and whether it is theirs.
func (h *Handler) admit(ctx context.Context, r *http.Request) (task, error) {
	user, err := h.cfg.Authenticate(r)
	if err != nil {
		return nil, err
	}
	if r.URL.Query().Get("account") != "" {
		return h.guarded(r, user, func(ctx context.Context, s *socket) error { return h.serveAccount(ctx, s, user) }), nil
	}
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		return nil, err
	}
	readOnly := reqctx.SignInOf(r.Context()).ReadOnly
	q.wantsView = q.wantsView || readOnly
	_, access, err := h.cfg.Store.Access(ctx, user.ID, q.session)
	if err != nil {
		return nil, err
	}
	if err := q.allow(access); err != nil {
		return nil, err
	}
	q.user, q.canCreate = user, q.canCreate && !readOnly
	serve := func(ctx context.Context, s *socket) error { return h.serveEvents(ctx, s, user, q) }
	if q.terminal != "" {
		if err := h.auditGuest(ctx, user, q); err != nil {
			return nil, err
		}
		serve = func(ctx context.Context, s *socket) error { return h.serveTerminal(ctx, s, q) }
	}
	if access.Owner {
		return h.guarded(r, user, serve), nil
	}
	return h.guarded(r, user, func(ctx context.Context, s *socket) error {
		guarded := make(chan struct{})
		ctx, cancel := context.WithCancel(ctx)
		go func() {
			defer close(guarded)
			h.guard(ctx, s, user, q)
		}()
		err := serve(ctx, s)
		cancel()
		<-guarded
		return err
	}), nil
}

// guarded does a task until the sign-in ends.
func (h *Handler) guarded(r *http.Request, user backend.User, serve task) task {
	signIn := reqctx.SignInOf(r.Context()).ID
	return func(ctx context.Context, s *socket) error {
		defer h.guardSignIn(ctx, s, user.ID, signIn)()
		return serve(ctx, s)
	}
}

// work does a socket's task. A panic ends this socket alone.
func (h *Handler) work(ctx context.Context, s *socket, do task) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v\n%s", value, debug.Stack())
		}
	}()
	return do(ctx, s)
}

// Sockets is how many are open.
func (h *Handler) Sockets() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sockets)
}

func (h *Handler) add(s *socket) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return false
	}
	h.sockets[s] = struct{}{}
	h.done.Add(1)
	return true
}

func (h *Handler) remove(s *socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sockets, s)
	h.done.Done()
}

// claim makes s the only socket of a viewer; the former one is closed with 4409.
func (h *Handler) claim(key clientKey, s *socket) (release func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if old, ok := h.clients[key]; ok {
		old.cancel(&closeError{closeReplaced, "replaced by a newer connection"})
	}
	h.clients[key] = s
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.clients[key] == s {
			delete(h.clients, key)
		}
	}
}

// Drain tells all sockets to reconnect elsewhere, and waits until they are closed. Those that are not when ctx is done are
// cut: their clients reconnect as from a server that has died. It returns how many these were.
func (h *Handler) Drain(ctx context.Context) (cut int) {
	h.mu.Lock()
	h.draining = true
	for s := range h.sockets {
		s.cancel(&closeError{websocket.StatusServiceRestart, "this replica is going: reconnect"})
	}
	h.mu.Unlock()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		h.done.Wait()
	}()
	select {
	case <-closed:
		return 0
	case <-ctx.Done():
	}
	h.mu.Lock()
	for s := range h.sockets {
		s.drop()
		cut++
	}
	h.mu.Unlock()
	<-closed
	return cut
}

// closeError ends a socket with a code of one's own.
type closeError struct {
	code   websocket.StatusCode
	reason string
}

// Error implements error.
func (e *closeError) Error() string { return e.reason }

// closeOf finds the close code for the way in which a socket's work ended.
func closeOf(ctx context.Context, err error) (websocket.StatusCode, string) {
	for _, err := range []error{context.Cause(ctx), err} {
		if e, ok := errors.AsType[*closeError](err); ok {
			return e.code, e.reason
		}
	}
	if err == nil || websocket.CloseStatus(err) != -1 {
		return websocket.StatusNormalClosure, ""
	}
	e, ok := errors.AsType[*backend.Error](err)
	if !ok {
		if ctx.Err() != nil {
			return websocket.StatusGoingAway, ""
		}
		return websocket.StatusInternalError, "internal error"
	}
	switch e.Code {
	case backend.CodeUnauthenticated:
		return closeUnauthenticated, "sign in first"
	case backend.CodeNotFound:
		return closeNotFound, e.Message
	case backend.CodeForbidden:
		return closeForbidden, e.Message
	case backend.CodeInvalid:
		return closeBadRequest, e.Message
	case backend.CodeUnavailable, backend.CodeConflict, backend.CodePreconditionFailed:
		return websocket.StatusServiceRestart, e.Message
	case backend.CodeAlreadyExists, backend.CodeTooLarge, backend.CodeRateLimited:
		return websocket.StatusTryAgainLater, e.Message
	case backend.CodeStaleLease, backend.CodeInternal:
	}
	return websocket.StatusInternalError, "internal error"
}

// socket is one WebSocket. Writes come from one goroutine, and those of keepAlive between them.
type socket struct {
	conn   *websocket.Conn
	cancel context.CancelCauseFunc
	// open is the context of all reads and writes; drop closes the connection while one is under way.
	open context.Context //nolint:containedctx // of the socket's life, not of one call
	drop func()
}

func (s *socket) send(ctx context.Context, message any) error {
	b, err := json.Marshal(message)
	if err != nil {
		return err
	}
	return s.write(ctx, websocket.MessageText, b)
}

// write sends one message. When ctx ends meanwhile, the client has closeTimeout to take the rest: a frame that is cut
// leaves no way to say why the socket closes.
func (s *socket) write(ctx context.Context, kind websocket.MessageType, data []byte) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	defer context.AfterFunc(ctx, func() { time.AfterFunc(closeTimeout, s.drop) })()
	return s.conn.Write(s.open, kind, data)
}

// keepAlive pings until the timer that it answers is stopped, so that proxies do not cut an idle socket and a dead
// peer is noticed. The word, if there is one, goes with each ping, of which a page sees nothing: so that a client, too,
// notices a dead peer.
func (s *socket) keepAlive(word string) *time.Timer {
	var again *time.Timer
	set := make(chan struct{})
	again = time.AfterFunc(untilPing(time.Now()), func() {
		<-set
		// Not until the work ends: as with write, a ping that is cut would be the last frame.
		ping, cancel := context.WithTimeout(s.open, pingTimeout)
		defer cancel()
		var err error
		if word != "" {
			err = s.conn.Write(ping, websocket.MessageText, []byte(word))
		}
		if err == nil {
			err = s.conn.Ping(ping)
		}
		if err != nil {
			s.cancel(&closeError{websocket.StatusGoingAway, "the peer does not answer"})
			return
		}
		again.Reset(untilPing(time.Now()))
	})
	close(set)
	return again
}

// untilPing is when to ping next: on a whole second, so that hundreds of idle sockets wake the processor together.
func untilPing(now time.Time) time.Duration {
	return now.Add(pingInterval).Truncate(time.Second).Sub(now)
}

func (s *socket) close(code websocket.StatusCode, reason string) {
	if len(reason) > maxReason {
		reason = reason[:maxReason]
	}
	// The peer may be gone already, and then there is nobody to tell.
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		// An error says that the client is gone.
		_ = s.conn.Close(code, reason)
	}()
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
		s.drop()
		<-closed
	}
}
