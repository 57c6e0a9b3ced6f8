package api

import (
	"net/http"
	"strings"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/auth"
	"codingplatform/backend/reqctx"
)

// userBody is a user in an answer.
type userBody struct {
	ID        backend.UserID `json:"id"`
	Username  string         `json:"username"`
	Email     string         `json:"email"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
}

func newUserBody(u backend.User) userBody {
	return userBody{ID: u.ID, Username: u.Username, Email: u.Email, CreatedAt: u.CreatedAt.UTC(), UpdatedAt: u.UpdatedAt.UTC()}
}

type signedInBody struct {
	Success bool     `json:"success"`
	Message string   `json:"message"`
	User    userBody `json:"user"`
	Data    struct {
		UserID backend.UserID `json:"user_id"`
	} `json:"data"`
	Token string `json:"token"`
}

func newSignedInBody(message string, user backend.User, token string) signedInBody {
	body := signedInBody{Success: true, Message: message, User: newUserBody(user), Token: token}
	body.Data.UserID = user.ID
	return body
}

func (s *server) register(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Username string `json:"username"`
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	if err := readJSON(w, r, maxCallBytes, &in); err != nil {
		return err
	}
	user, token, err := s.cfg.Auth.Register(r.Context(), in.Username, in.Email, in.Password, metaOf(r))
	if err != nil {
		return err
	}
	s.setCookie(w, r, token)
	s.answer(w, r, http.StatusCreated, newSignedInBody("Welcome, "+user.Username, user, token))
	return nil
}

func (s *server) login(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Username string `json:"username"`
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	if err := readJSON(w, r, maxCallBytes, &in); err != nil {
		return err
	}
	if in.Username == "" {
		in.Username = in.Email
	}
	if strings.ContainsRune(in.Username, 0) {
		return invalid("username", "must not hold a NUL") // the database could not even look for it
	}
	user, token, err := s.cfg.Auth.Login(r.Context(), in.Username, in.Password, metaOf(r))
	if err != nil {
		return err
	}
	s.setCookie(w, r, token)
	s.answer(w, r, http.StatusOK, newSignedInBody("Signed in as "+user.Username, user, token))
	return nil
}

func (s *server) logout(w http.ResponseWriter, r *http.Request) error {
	token, _ := tokenOf(r)
	if err := s.cfg.Auth.Logout(r.Context(), token); err != nil {
		return err
	}
	s.clearCookie(w, r)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) me(w http.ResponseWriter, r *http.Request) error {
	s.answer(w, r, http.StatusOK, newUserBody(userOf(r)))
	return nil
}

// user shows a user to itself; whether others exist is nobody's business.
func (s *server) user(w http.ResponseWriter, r *http.Request) error {
	id, err := pathUUID(r, "user_id", "user")
	if err != nil {
		return err
	}
	if backend.UserID(id) != userOf(r).ID {
		return backend.Errorf(backend.CodeNotFound, "there is no such user")
	}
	return s.me(w, r)
}

// metaOf is where a request came from, for the audit log and the limits.
func metaOf(r *http.Request) auth.Meta {
	client := reqctx.ClientOf(r.Context())
	return auth.Meta{IP: client.Addr, UserAgent: client.UserAgent, RequestID: reqctx.RequestID(r.Context())}
}
