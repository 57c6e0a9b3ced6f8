package api

import (
	"context"
	"net/http"
	"time"

	"codingplatform/backend"
)

// need is what a call needs of the user's access to the session that its path names. Each route under a session has one.
type need int

const (
	// needAny: the owner, and guests of whatever kind; the handler shows no more than they may see.
	needAny need = iota
	// needView: all of the workspace, to look at.
	needView
	// needWrite: all of the workspace, to change.
	needWrite
	needOwner
)

func (n need) allows(a backend.Access) bool {
	switch n {
	case needAny:
		return a.Any()
	case needView:
		return a.CanView()
	case needWrite:
		return a.CanWrite()
	case needOwner:
	}
	return a.Owner
}

func (n need) refusal() error {
	switch n {
	case needView:
		return backend.Errorf(backend.CodeForbidden, "only one terminal of this session is shared with you")
	case needWrite:
		return backend.Errorf(backend.CodeForbidden, "this session is shared with you to look at, not to change; ask its owner for more")
	case needAny, needOwner:
	}
	return backend.Errorf(backend.CodeForbidden, "only the owner of this session can do that")
}

type accessKey struct{}

// accessed is the session that a path names, and what the user may do with it.
type accessed struct {
	session backend.Session
	access  backend.Access
}

// access loads the session that the path names and lets those through who may do what is needed. For those who may do
// nothing with it, it does not exist.
func (s *server) access(n need) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id, err := pathUUID(r, "session_id", "session")
			if err != nil {
				s.fail(w, r, err)
				return
			}
			session, access, err := s.cfg.Store.Access(r.Context(), userOf(r).ID, backend.SessionID(id))
			if err == nil && !n.allows(access) {
				err = n.refusal()
			}
			if err != nil {
				s.fail(w, r, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), accessKey{}, accessed{session, access})))
		})
	}
}

// sessionOf returns the session of a request behind access.
func sessionOf(r *http.Request) backend.Session { return accessedOf(r).session }

// accessOf returns what the user of a request behind access may do.
func accessOf(r *http.Request) backend.Access { return accessedOf(r).access }

func accessedOf(r *http.Request) accessed {
	a, ok := r.Context().Value(accessKey{}).(accessed)
	if !ok {
		panic("api: a route under a session has no need of its own")
	}
	return a
}

// accessBody is what the user may do with a session, in an answer.
type accessBody struct {
	Owner     bool              `json:"owner"`
	Mode      backend.ShareMode `json:"mode"`
	Terminal  *string           `json:"terminal"`
	ExpiresAt *time.Time        `json:"expires_at"`
}

func newAccessBody(a backend.Access) *accessBody {
	if a.Owner {
		return &accessBody{Owner: true, Mode: backend.ShareWrite}
	}
	best := a.Best()
	until := best.ExpiresAt.UTC()
	return &accessBody{Mode: best.Mode, Terminal: orNull(best.Terminal), ExpiresAt: &until}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
