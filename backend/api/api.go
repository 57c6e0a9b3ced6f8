package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"golang.org/x/sync/singleflight"

	"codingplatform/backend"
)

// Config is what the API is made of. All fields without a default are required.
type Config struct {
	Logger  *slog.Logger
	Auth    Authenticator
	Store   Store
	Control Control
	// Wakes wakes those who wait for changes.
	Wakes Wakes
	// Relay serves /ws: both kinds of WebSocket. It upgrades by itself; reqctx.User of the request's context says
	// who has signed in, if anybody has. A browser's Origin has been checked.
	Relay http.Handler
	// Frontend serves what is neither /api nor /ws.
	Frontend http.Handler
	// Version of the program, for health.
	Version string
	// Limits of a workspace, for the caps of bodies and for status. All must be set.
	Limits backend.Limits
	// TokenTTL is how long a browser keeps the cookie: as long as a token is good.
	TokenTTL time.Duration
	// TrashAge is how long a deleted session can be brought back. Default: 7 days.
	TrashAge time.Duration
	// AllowedOrigins are those of other pages that may use the API with their users' sign-in, as
	// scheme://host[:port]. The server's own origin needs no mention.
	AllowedOrigins []string
	// TrustProxy believes X-Forwarded-For and X-Forwarded-Proto: set it only behind a proxy that writes them.
	TrustProxy bool
	// SecureCookies marks the cookie Secure in any case; without it, when the request came over TLS.
	SecureCookies bool
	// Draining says that this server is going, so that no new requests shall be sent here. Default: never.
	Draining func() bool
	// Observe is told of each request when it ends, by the pattern of its route, empty where there is none. Default: nobody.
	Observe func(method, route string, status int, took time.Duration)
	// MaxArchiveBytes is the largest zip that is taken. Default: 256 MiB.
	MaxArchiveBytes int64
	// UploadMemory is how much all files that are being saved may hold in memory together, in bytes; one user's a
	// quarter of it. Default: 256 MiB.
	UploadMemory int64
	// TempDir is where a zip is kept while it is unpacked; all together take 4 × MaxArchiveBytes there at most.
	// Default: that of the system.
	TempDir string
}

const (
	defaultMaxArchiveBytes = 256 << 20
	defaultUploadMemory    = 256 << 20
	defaultTrashAge        = 7 * 24 * time.Hour
	// archivesKept is how many of the largest zips are kept at once, and how many of any size are unpacked.
	archivesKept = 4
)

func (c *Config) complete() error {
	var errs []error
	for name, missing := range map[string]bool{
		"Logger": c.Logger == nil, "Auth": c.Auth == nil, "Store": c.Store == nil, "Control": c.Control == nil, "Wakes": c.Wakes == nil,
		"Relay": c.Relay == nil, "Frontend": c.Frontend == nil, "TokenTTL": c.TokenTTL <= 0,
		"Limits": c.Limits.MaxFileBytes <= 0 || c.Limits.MaxWorkspaceBytes <= 0 || c.Limits.MaxFiles <= 0,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("api: Config.%s is missing", name))
		}
	}
	if c.Draining == nil {
		c.Draining = func() bool { return false }
	}
	if c.MaxArchiveBytes == 0 {
		c.MaxArchiveBytes = defaultMaxArchiveBytes
	}
	if c.TrashAge == 0 {
		c.TrashAge = defaultTrashAge
	}
	if c.UploadMemory == 0 {
		c.UploadMemory = defaultUploadMemory
	}
	if c.TempDir == "" {
		c.TempDir = os.TempDir()
	}
	return errors.Join(errs...)
}

// server holds what the handlers share.
type server struct {
	cfg     Config
	log     *slog.Logger
	origins *origins
	// uploads shares out memory in bytes, archives disk in bytes, unpacks how many archives are unpacked at once.
	uploads, archives, unpacks *shares
	pings                      singleflight.Group
}

// New makes the handler of everything that the server answers: the API, /ws and the frontend. It starts nothing.
// The error says which part of the configuration is missing or wrong.
//
// The http.Server around it needs a ReadHeaderTimeout and an IdleTimeout; ReadTimeout and WriteTimeout must be 0,
// since each call sets its own deadlines.
func New(cfg Config) (http.Handler, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	origins, err := newOrigins(cfg.AllowedOrigins)
	if err != nil {
		return nil, err
	}
	s := &server{
		cfg: cfg, log: cfg.Logger, origins: origins,
		uploads: newShares(cfg.UploadMemory), archives: newShares(archivesKept * cfg.MaxArchiveBytes), unpacks: newShares(archivesKept),
	}
	return s.routes(), nil
}

// handlerFunc is a handler that returns what went wrong instead of writing it.
type handlerFunc func(http.ResponseWriter, *http.Request) error

func (s *server) handle(h handlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

func (s *server) routes() chi.Router {
	mux := chi.NewRouter()
	mux.Use(s.identify, routePath, s.accessLog, s.recoverPanics, s.bound, headers, s.origins.cors, s.guard, middleware.GetHead)

	// calls are those that answer at once; the others have their own limits of time.
	calls := mux.With(s.within(callTimeout))
	calls.Get("/api/health", s.handle(s.ready))
	calls.Get("/api/health/live", s.handle(s.live))
	calls.Get("/api/health/ready", s.handle(s.ready))
	calls.Get("/api/openapi.json", s.handle(s.openapi))
	calls.Post("/api/users/register", s.handle(s.register))
	calls.Post("/api/users/login", s.handle(s.login))

	mine := calls.With(s.signedIn)
	mine.Post("/api/users/logout", s.handle(s.logout))
	mine.Get("/api/users/me", s.handle(s.me))
	personal := mine.With(s.personal)
	mine.Get("/api/users/me/settings", s.handle(s.settings))
	mine.Put("/api/users/me/settings", s.handle(s.saveSettings))
	personal.Post("/api/users/me/password", s.handle(s.changePassword))
	personal.Get("/api/users/me/sign-ins", s.handle(s.listSignIns(false)))
	personal.Delete("/api/users/me/sign-ins", s.handle(s.endSignIns))
	personal.Delete("/api/users/me/sign-ins/{sign_in_id}", s.handle(s.endSignIn("sign_in_id", false)))
	personal.Get("/api/users/me/tokens", s.handle(s.listSignIns(true)))
	personal.Post("/api/users/me/tokens", s.handle(s.createToken))
	personal.Delete("/api/users/me/tokens/{token_id}", s.handle(s.endSignIn("token_id", true)))
	mine.Get("/api/users/{user_id}", s.handle(s.user))
	mine.Get("/api/sessions", s.handle(s.listSessions))
	mine.Post("/api/sessions", s.handle(s.createSession))
	mine.Get("/api/sessions/deleted", s.handle(s.listTrash))
	mine.Post("/api/sessions/deleted/{deleted_id}/restore", s.handle(s.restoreSession))
	mine.Delete("/api/sessions/deleted/{deleted_id}", s.handle(s.purgeSession))

	mine.Get("/api/shares", s.handle(s.listShared))
	mine.Post("/api/shares/accept", s.handle(s.acceptShare))
	mine.Delete("/api/shares/{share_id}", s.handle(s.leaveShare))

	guest, viewer, writer, owner := mine.With(s.access(needAny)), mine.With(s.access(needView)), mine.With(s.access(needWrite)), mine.With(s.access(needOwner))
	guest.Get("/api/sessions/{session_id}", s.handle(s.session))
	owner.Patch("/api/sessions/{session_id}", s.handle(s.renameSession))
	owner.Delete("/api/sessions/{session_id}", s.handle(s.deleteSession))
	owner.Post("/api/sessions/{session_id}/duplicate", s.handle(s.duplicateSession))
	guest.Get("/api/workspace/{session_id}/layout", s.handle(s.layout))
	guest.Patch("/api/workspace/{session_id}/layout", s.handle(s.mergeLayout))
	viewer.Get("/api/workspace/{session_id}/files", s.handle(s.listFiles))
	writer.Delete("/api/workspace/{session_id}/file/*", s.handle(s.deletePath))
	writer.Post("/api/workspace/{session_id}/folder/*", s.handle(s.makeFolder))
	writer.Post("/api/workspace/{session_id}/move", s.handle(s.movePath))
	writer.Post("/api/workspace/{session_id}/copy", s.handle(s.copyPath))
	viewer.Get("/api/workspace/{session_id}/stat/*", s.handle(s.stat))
	viewer.Get("/api/workspace/{session_id}/history", s.handle(s.recentHistory))
	viewer.Get("/api/workspace/{session_id}/history/*", s.handle(s.fileHistory))
	viewer.Get("/api/workspace/{session_id}/deleted", s.handle(s.deletedFiles))
	viewer.Get("/api/workspace/{session_id}/diff/*", s.handle(s.diffVersions))
	viewer.Get("/api/workspace/{session_id}/conflicts", s.handle(s.listConflicts))
	writer.Post("/api/workspace/{session_id}/conflicts/resolve", s.handle(s.resolveConflict))
	viewer.Get("/api/workspace/{session_id}/search", s.handle(s.searchContents))
	viewer.Get("/api/workspace/{session_id}/search/files", s.handle(s.searchNames))
	viewer.Get("/api/workspace/{session_id}/status", s.handle(s.workspaceStatus))
	writer.Post("/api/workspace/{session_id}/ensure-default", s.handle(s.ensureDefault))
	writer.Post("/api/workspace/{session_id}/start", s.handle(s.start))
	writer.Post("/api/workspace/{session_id}/stay", s.handle(s.stay))
	owner.Post("/api/workspace/{session_id}/brake", s.handle(s.releaseBrake))
	guest.Get("/api/workspace/{session_id}/terminals", s.handle(s.listTerminals))
	writer.Patch("/api/workspace/{session_id}/terminals/{name}", s.handle(s.updateTerminal))
	writer.Delete("/api/workspace/{session_id}/terminals/{name}", s.handle(s.closeTerminal))
	owner.Post("/api/workspace/{session_id}/terminals/{name}/recording", s.handle(s.startRecording))
	owner.Delete("/api/workspace/{session_id}/terminals/{name}/recording", s.handle(s.stopRecording))
	owner.Get("/api/workspace/{session_id}/recordings", s.handle(s.listRecordings))
	owner.Get("/api/workspace/{session_id}/recordings/{recording_id}", s.handle(s.recording))
	owner.Delete("/api/workspace/{session_id}/recordings/{recording_id}", s.handle(s.deleteRecording))
	owner.Get("/api/workspace/{session_id}/shares", s.handle(s.listShares))
	owner.Post("/api/workspace/{session_id}/shares", s.handle(s.createShare))
	owner.Delete("/api/workspace/{session_id}/shares/{share_id}", s.handle(s.revokeShare))

	long := func(total time.Duration, n need) chi.Router {
		return mux.With(s.within(total), s.signedIn, s.access(n))
	}
	long(saveTimeout, needView).Get("/api/workspace/{session_id}/file/*", s.handle(s.readFile))
	long(saveTimeout, needWrite).Post("/api/workspace/{session_id}/file/*", s.handle(s.saveFile))
	long(saveTimeout, needView).Get("/api/workspace/{session_id}/version/{revision}/*", s.handle(s.readVersion))
	long(saveTimeout, needView).Get("/api/workspace/{session_id}/changes", s.handle(s.changes))
	long(saveTimeout, needWrite).Post("/api/workspace/{session_id}/restore", s.handle(s.restoreFiles))
	long(saveTimeout, needWrite).Post("/api/workspace/{session_id}/replace", s.handle(s.replaceContents))
	long(archiveTimeout, needOwner).Get("/api/workspace/{session_id}/recordings/{recording_id}/cast", s.handle(s.downloadRecording))
	long(archiveTimeout, needView).Get("/api/workspace/{session_id}/archive", s.handle(s.downloadArchive))
	long(archiveTimeout, needWrite).Post("/api/workspace/{session_id}/archive", s.handle(s.uploadArchive))
	long(shutdownTimeout, needOwner).Post("/api/workspace/{session_id}/shutdown", s.handle(s.shutdown))

	// A socket lives as long as its users want it to.
	mux.With(s.maybeSignedIn).Method(http.MethodGet, "/ws", s.cfg.Relay)

	mux.NotFound(s.notFound)
	mux.MethodNotAllowed(s.handle(func(w http.ResponseWriter, r *http.Request) error {
		var allowed []string
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			if mux.Match(chi.NewRouteContext(), method, chi.RouteContext(r.Context()).RoutePath) {
				allowed = append(allowed, method)
			}
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		return &requestError{status: http.StatusMethodNotAllowed, code: codeMethodNotAllowed, message: "this address does not know that method; Allow lists those it knows"}
	}))
	return mux
}

// routePath makes a trailing slash optional, and the router match the path as it was sent: in a file's name a
// %2F or %0A is not what separates or ends.
func routePath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.EscapedPath()
		if len(path) > 1 {
			path = strings.TrimSuffix(path, "/")
		}
		chi.RouteContext(r.Context()).RoutePath = path
		next.ServeHTTP(w, r)
	})
}

func (s *server) notFound(w http.ResponseWriter, r *http.Request) {
	for _, prefix := range []string{"/api", "/ws"} {
		if r.URL.Path == prefix || strings.HasPrefix(r.URL.Path, prefix+"/") {
			s.fail(w, r, backend.Errorf(backend.CodeNotFound, "there is no such address; /api/openapi.json lists all"))
			return
		}
	}
	if !leadHome(w, r) {
		s.within(saveTimeout)(s.cfg.Frontend).ServeHTTP(w, r)
	}
}

// homePage is where the sessions of who is signed in are.
const homePage = "/dashboard/"

// leadHome leads who comes back past the first page, which says what this is, and says whether it did. Whether the
// sign-in still holds is asked by the page that they are led to.
func leadHome(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path != "/" || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		return false
	}
	w.Header().Add("Vary", "Cookie")
	if _, err := r.Cookie(sessionCookie); err != nil {
		return false
	}
	w.Header().Set("Cache-Control", "no-cache")
	http.Redirect(w, r, homePage, http.StatusFound)
	return true
}
