package api

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"codingplatform/backend"
	"codingplatform/backend/reqctx"
)

const sessionCookie = "session_token"

// bearer returns the token of the Authorization header, "" when there is none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// tokenOf returns the request's token; a bearer token goes before a cookie.
func tokenOf(r *http.Request) (token string, fromCookie bool) {
	if token := bearer(r); token != "" {
		return token, false
	}
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return "", false
	}
	return cookie.Value, true
}

func (s *server) setCookie(w http.ResponseWriter, r *http.Request, token string) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: token, Path: "/", MaxAge: int(s.cfg.TokenTTL.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: s.secure(r),
	})
}

func (s *server) clearCookie(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: s.secure(r),
	})
}

// authenticate returns the request with its user. CodeUnauthenticated when nobody is signed in.
func (s *server) authenticate(r *http.Request) (*http.Request, error) {
	token, _ := tokenOf(r)
	if token == "" {
		return nil, backend.Errorf(backend.CodeUnauthenticated, "sign in first")
	}
	user, signIn, err := s.cfg.Auth.Authenticate(r.Context(), token)
	if err != nil {
		return nil, err
	}
	return r.WithContext(reqctx.WithSignIn(reqctx.WithUser(r.Context(), user), signIn)), nil
}

// signedIn lets only signed-in requests through. A cookie that no longer opens anything is taken back.
func (s *server) signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authenticated, err := s.authenticate(r)
		if err != nil {
			if _, fromCookie := tokenOf(r); fromCookie && backend.CodeOf(err) == backend.CodeUnauthenticated {
				s.clearCookie(w, r)
			}
			s.fail(w, r, err)
			return
		}
		if signInOf(authenticated).ReadOnly && !looksOnly(r) {
			s.fail(w, r, backend.Errorf(backend.CodeForbidden, "this token may look, and change nothing"))
			return
		}
		next.ServeHTTP(w, authenticated)
	})
}

// maybeSignedIn lets all through and tells who has signed in: the relay says "not signed in" with a close
// code, which a browser's script can read, unlike the status of a refused upgrade.
func (s *server) maybeSignedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authenticated, err := s.authenticate(r)
		switch {
		case err == nil:
			r = authenticated
		case backend.CodeOf(err) != backend.CodeUnauthenticated:
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// pathUUID returns a UUID of the path in its canonical form. What is none names nothing: CodeNotFound.
func pathUUID(r *http.Request, param, noun string) (string, error) {
	text := chi.URLParam(r, param)
	id, err := uuid.Parse(text)
	if err != nil || len(text) != len(id.String()) {
		return "", backend.Errorf(backend.CodeNotFound, "there is no such %s", noun)
	}
	return id.String(), nil
}

// userOf returns the user of a request behind signedIn.
func userOf(r *http.Request) backend.User {
	user, ok := reqctx.User(r.Context())
	if !ok {
		panic("api: route without signedIn")
	}
	return user
}
