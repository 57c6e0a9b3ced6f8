package api

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/reqctx"
)

const (
	// maxSettings and maxLayout are the most bytes of a user's settings and of a layout, as JSON.
	maxSettings = 64 << 10
	maxLayout   = 64 << 10
	// defaultTokenTTL of a token for programs.
	defaultTokenTTL = 90 * 24 * time.Hour
)

// signInOf returns the sign-in of a request behind signedIn.
func signInOf(r *http.Request) backend.SignIn { return reqctx.SignInOf(r.Context()) }

// personal keeps tokens for programs from the account: one that was lost must not make others, or change the password.
func (s *server) personal(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if signInOf(r).Token {
			s.fail(w, r, backend.Errorf(backend.CodeForbidden, "a token for programs opens sessions, not the account; sign in with your password"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

type versionedBody struct {
	Version int64 `json:"version"`
	// One of them is there.
	Settings json.RawMessage `json:"settings,omitempty"`
	Layout   json.RawMessage `json:"layout,omitempty"`
}

func (s *server) settings(w http.ResponseWriter, r *http.Request) error {
	settings, err := s.cfg.Store.Settings(r.Context(), userOf(r).ID)
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, versionedBody{Version: settings.Version, Settings: settings.Data})
	return nil
}

func (s *server) saveSettings(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Version  *int64          `json:"version"`
		Settings json.RawMessage `json:"settings"`
	}
	if err := readJSON(w, r, maxSettings, &in); err != nil {
		return err
	}
	if in.Version == nil || *in.Version < 0 {
		return invalid("version", "say which version these were made from; 0: there was none")
	}
	if err := checkObject("settings", in.Settings); err != nil {
		return err
	}
	version, err := s.cfg.Store.SaveSettings(r.Context(), userOf(r).ID, *in.Version, in.Settings)
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, versionedBody{Version: version, Settings: in.Settings})
	return nil
}

func (s *server) layout(w http.ResponseWriter, r *http.Request) error {
	layout, err := s.cfg.Store.Layout(r.Context(), userOf(r).ID, sessionOf(r).ID)
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, versionedBody{Version: layout.Version, Layout: layout.Data})
	return nil
}

func (s *server) mergeLayout(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Layout json.RawMessage `json:"layout"`
	}
	if err := readJSON(w, r, maxLayout, &in); err != nil {
		return err
	}
	if err := checkObject("layout", in.Layout); err != nil {
		return err
	}
	layout, err := s.cfg.Store.MergeLayout(r.Context(), userOf(r).ID, sessionOf(r).ID, in.Layout, maxLayout)
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, versionedBody{Version: layout.Version, Layout: layout.Data})
	return nil
}

// checkObject refuses what is no JSON object, or what the database's JSON cannot hold.
func checkObject(field string, text json.RawMessage) error {
	switch {
	case !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")):
		return invalid(field, "must be an object")
	case bytes.Contains(text, []byte(`\u0000`)):
		return invalid(field, "must not hold a NUL")
	}
	return nil
}

func (s *server) changePassword(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Current  string `json:"current_password"`
		Password string `json:"password"`
	}
	if err := readJSON(w, r, maxCallBytes, &in); err != nil {
		return err
	}
	if err := s.cfg.Auth.ChangePassword(r.Context(), userOf(r), signInOf(r).ID, in.Current, in.Password, metaOf(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// signInBody is a sign-in or a token for programs in an answer.
type signInBody struct {
	ID         backend.SignInID `json:"id"`
	Name       string           `json:"name"`
	ReadOnly   bool             `json:"read_only"`
	Current    bool             `json:"current"`
	UserAgent  string           `json:"user_agent"`
	RemoteAddr string           `json:"remote_addr"`
	CreatedAt  time.Time        `json:"created_at"`
	LastUsedAt time.Time        `json:"last_used_at"`
	ExpiresAt  time.Time        `json:"expires_at"`
}

func newSignInBody(t backend.SignIn, current backend.SignInID) signInBody {
	return signInBody{
		ID: t.ID, Name: t.Name, ReadOnly: t.ReadOnly, Current: t.ID == current, UserAgent: t.UserAgent, RemoteAddr: t.RemoteAddr,
		CreatedAt: t.CreatedAt.UTC(), LastUsedAt: t.LastUsedAt.UTC(), ExpiresAt: t.ExpiresAt.UTC(),
	}
}

type signInList struct {
	Data  []signInBody `json:"data"`
	Count int          `json:"count"`
}

func (s *server) listSignIns(tokens bool) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		all, err := s.cfg.Store.SignIns(r.Context(), userOf(r).ID, tokens)
		if err != nil {
			return err
		}
		list := signInList{Data: make([]signInBody, 0, len(all)), Count: len(all)}
		for _, t := range all {
			list.Data = append(list.Data, newSignInBody(t, signInOf(r).ID))
		}
		s.answer(w, r, http.StatusOK, list)
		return nil
	}
}

func (s *server) endSignIn(param string, token bool) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := pathUUID(r, param, "sign-in")
		if err != nil {
			return err
		}
		if err := s.cfg.Auth.EndSignIn(r.Context(), userOf(r).ID, backend.SignInID(id), token, metaOf(r)); err != nil {
			return err
		}
		if backend.SignInID(id) == signInOf(r).ID {
			s.clearCookie(w, r)
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
}

// endSignIns signs out everywhere, here too unless others=1.
func (s *server) endSignIns(w http.ResponseWriter, r *http.Request) error {
	others, err := queryInt(r, "others", 0, 0, 1)
	if err != nil {
		return err
	}
	except := signInOf(r).ID
	if others == 0 {
		except = ""
	}
	if err := s.cfg.Auth.EndSignIns(r.Context(), userOf(r).ID, except, metaOf(r)); err != nil {
		return err
	}
	if others == 0 {
		s.clearCookie(w, r)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) createToken(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name string `json:"name"`
		// In seconds.
		ExpiresIn *int64 `json:"expires_in"`
		ReadOnly  bool   `json:"read_only"`
	}
	if err := readJSON(w, r, maxCallBytes, &in); err != nil {
		return err
	}
	ttl := defaultTokenTTL
	if in.ExpiresIn != nil {
		// What overflows is out of the bounds too.
		ttl = time.Duration(min(max(*in.ExpiresIn, 0), math.MaxInt32)) * time.Second
	}
	token, made, err := s.cfg.Auth.NewToken(r.Context(), userOf(r).ID, in.Name, ttl, in.ReadOnly, metaOf(r))
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusCreated, struct {
		Data  signInBody `json:"data"`
		Token string     `json:"token"`
	}{newSignInBody(made, ""), token})
	return nil
}

// looksOnly says whether a request changes nothing, so that a token that may only look may make it.
func looksOnly(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead || strings.HasSuffix(r.URL.Path, "/users/logout")
}
