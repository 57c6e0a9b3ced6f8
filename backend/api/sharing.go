package api

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/relay"
)

const (
	// How long a share is good for, in seconds.
	minShareSeconds     = 60
	maxShareSeconds     = 90 * 24 * 60 * 60
	defaultShareSeconds = 7 * 24 * 60 * 60
	// linkBytes of randomness are in a link.
	linkBytes = 32
	maxLogin  = 254
)

// shareBody is a share as its owner sees it.
type shareBody struct {
	ID        backend.ShareID   `json:"id"`
	SessionID backend.SessionID `json:"session_id"`
	Terminal  *string           `json:"terminal"`
	Mode      backend.ShareMode `json:"mode"`
	Kind      backend.ShareKind `json:"kind"`
	Username  *string           `json:"username"`
	Accepted  []guestBody       `json:"accepted"`
	CreatedAt time.Time         `json:"created_at"`
	ExpiresAt time.Time         `json:"expires_at"`
	// URL of a link is told once.
	URL string `json:"url,omitempty"`
}

type guestBody struct {
	Username   string    `json:"username"`
	AcceptedAt time.Time `json:"accepted_at"`
}

func newShareBody(h backend.Share) shareBody {
	body := shareBody{
		ID: h.ID, SessionID: h.SessionID, Terminal: orNull(h.Terminal), Mode: h.Mode, Kind: h.Kind, Username: orNull(h.Username),
		Accepted: make([]guestBody, 0, len(h.Accepted)), CreatedAt: h.CreatedAt.UTC(), ExpiresAt: h.ExpiresAt.UTC(),
	}
	for _, g := range h.Accepted {
		body.Accepted = append(body.Accepted, guestBody{g.Username, g.AcceptedAt.UTC()})
	}
	return body
}

// sharedBody is a share as its guest sees it.
type sharedBody struct {
	ID        backend.ShareID   `json:"id"`
	Session   sessionBody       `json:"session"`
	Owner     string            `json:"owner"`
	Mode      backend.ShareMode `json:"mode"`
	Terminal  *string           `json:"terminal"`
	ExpiresAt time.Time         `json:"expires_at"`
}

func newSharedBody(d backend.Shared) sharedBody {
	return sharedBody{
		ID: d.Grant.Share, Session: newSessionBody(d.Session), Owner: d.Owner, Mode: d.Grant.Mode,
		Terminal: orNull(d.Grant.Terminal), ExpiresAt: d.Grant.ExpiresAt.UTC(),
	}
}

type shareAnswer struct {
	Success bool      `json:"success"`
	Message string    `json:"message"`
	Data    shareBody `json:"data"`
}

type shareList struct {
	Success bool        `json:"success"`
	Message string      `json:"message"`
	Data    []shareBody `json:"data"`
	Count   int         `json:"count"`
}

type sharedAnswer struct {
	Success bool       `json:"success"`
	Message string     `json:"message"`
	Data    sharedBody `json:"data"`
}

type sharedList struct {
	Success bool         `json:"success"`
	Message string       `json:"message"`
	Data    []sharedBody `json:"data"`
	Count   int          `json:"count"`
}

func (s *server) listShares(w http.ResponseWriter, r *http.Request) error {
	shares, err := s.cfg.Store.Shares(r.Context(), sessionOf(r).ID)
	if err != nil {
		return err
	}
	list := shareList{Success: true, Data: make([]shareBody, 0, len(shares)), Count: len(shares)}
	for _, one := range shares {
		list.Data = append(list.Data, newShareBody(one))
	}
	s.answer(w, r, http.StatusOK, list)
	return nil
}

func (s *server) createShare(w http.ResponseWriter, r *http.Request) error {
	n, err := s.newShare(w, r)
	if err != nil {
		return err
	}
	token := ""
	if n.Login == "" {
		raw := make([]byte, linkBytes)
		// crypto/rand never fails: the program would end.
		_, _ = rand.Read(raw)
		token = base64.RawURLEncoding.EncodeToString(raw)
		n.TokenHash = sha256.Sum256([]byte(token))
	}
	share, err := s.cfg.Store.CreateShare(r.Context(), n)
	if err != nil {
		return err
	}
	s.audit(r, "share.create", share.SessionID, shareDetail(share))
	body := newShareBody(share)
	if token != "" {
		// Behind #, so that it reaches neither a server's log nor a Referer.
		body.URL = s.ownOrigin(r) + "/share/#" + token
	}
	w.Header().Set("Cache-Control", "no-store")
	s.answer(w, r, http.StatusCreated, shareAnswer{Success: true, Message: "Shared", Data: body})
	return nil
}

// newShare reads what is to be shared, and with whom.
func (s *server) newShare(w http.ResponseWriter, r *http.Request) (backend.NewShare, error) {
	var in struct {
		Terminal  *string           `json:"terminal"`
		Mode      backend.ShareMode `json:"mode"`
		Username  string            `json:"username"`
		Email     string            `json:"email"`
		ExpiresIn *int64            `json:"expires_in"`
	}
	n := backend.NewShare{SessionID: sessionOf(r).ID, Owner: userOf(r).ID}
	if err := readJSON(w, r, maxCallBytes, &in); err != nil {
		return n, err
	}
	if in.Terminal != nil {
		if !relay.ValidTerminalName(*in.Terminal) {
			return n, invalid("terminal", "has to be a terminal's name: 1 to 64 letters, digits, spaces, '.', '_' or '-'; leave it out for the whole workspace")
		}
		n.Terminal = *in.Terminal
	}
	if n.Mode = in.Mode; n.Mode != backend.ShareView && n.Mode != backend.ShareWrite {
		return n, invalid("mode", "choose view or write")
	}
	n.Login = strings.TrimSpace(in.Username)
	if n.Login == "" {
		n.Login = strings.TrimSpace(in.Email)
	}
	if len(n.Login) > maxLogin || strings.ContainsRune(n.Login, 0) {
		return n, invalid("username", "this is no name or address")
	}
	seconds := int64(defaultShareSeconds)
	if in.ExpiresIn != nil {
		seconds = *in.ExpiresIn
	}
	if seconds < minShareSeconds || seconds > maxShareSeconds {
		return n, invalid("expires_in", "has to be from 60 seconds to 90 days (7776000)")
	}
	n.Lifetime = time.Duration(seconds) * time.Second
	return n, nil
}

func shareDetail(h backend.Share) map[string]any {
	detail := map[string]any{"share_id": h.ID, "mode": h.Mode, "kind": h.Kind, "expires_at": h.ExpiresAt.UTC()}
	if h.Terminal != "" {
		detail["terminal"] = h.Terminal
	}
	if h.Username != "" {
		detail["username"] = h.Username
	}
	return detail
}

// ownOrigin is where the browser reached this server.
func (s *server) ownOrigin(r *http.Request) string {
	scheme := "http"
	if s.secure(r) {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

func (s *server) revokeShare(w http.ResponseWriter, r *http.Request) error {
	id, err := pathUUID(r, "share_id", "share")
	if err != nil {
		return err
	}
	share, err := s.cfg.Store.RevokeShare(r.Context(), sessionOf(r).ID, backend.ShareID(id))
	if err != nil {
		return err
	}
	s.audit(r, "share.revoke", share.SessionID, shareDetail(share))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) acceptShare(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Token string `json:"token"`
	}
	if err := readJSON(w, r, maxCallBytes, &in); err != nil {
		return err
	}
	if in.Token == "" {
		return invalid("token", "give what follows # in the link")
	}
	guess, err := s.cfg.Auth.Guess(metaOf(r))
	if err != nil {
		return err
	}
	shared, err := s.cfg.Store.AcceptShare(r.Context(), userOf(r).ID, sha256.Sum256([]byte(in.Token)))
	if err != nil {
		if backend.CodeOf(err) == backend.CodeNotFound {
			guess.Wrong()
		}
		return err
	}
	s.audit(r, "share.accept", shared.Session.ID, map[string]any{"share_id": shared.Grant.Share})
	s.answer(w, r, http.StatusOK, sharedAnswer{Success: true, Message: shared.Owner + " shares " + shared.Session.Name + " with you", Data: newSharedBody(shared)})
	return nil
}

func (s *server) listShared(w http.ResponseWriter, r *http.Request) error {
	shared, err := s.cfg.Store.SharedWith(r.Context(), userOf(r).ID)
	if err != nil {
		return err
	}
	list := sharedList{Success: true, Data: make([]sharedBody, 0, len(shared)), Count: len(shared)}
	for _, one := range shared {
		list.Data = append(list.Data, newSharedBody(one))
	}
	s.answer(w, r, http.StatusOK, list)
	return nil
}

func (s *server) leaveShare(w http.ResponseWriter, r *http.Request) error {
	id, err := pathUUID(r, "share_id", "share")
	if err != nil {
		return err
	}
	session, err := s.cfg.Store.LeaveShare(r.Context(), userOf(r).ID, backend.ShareID(id))
	if err != nil {
		return err
	}
	s.audit(r, "share.leave", session, map[string]any{"share_id": id})
	w.WriteHeader(http.StatusNoContent)
	return nil
}
