package auth

import (
	"context"
	"crypto/sha256"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"codingplatform/backend"
)

const (
	// tokenPrefix tells a token for programs from other secrets, where one was left by mistake.
	tokenPrefix = "cpt_"
	maxLabel    = 60
	// minTokenTTL and maxTokenTTL bound how long a token for programs is good.
	minTokenTTL = time.Minute
	maxTokenTTL = 366 * 24 * time.Hour
)

// ChangePassword replaces a user's password and ends all other sign-ins. Tokens for programs stay. CodeInvalid with
// Fields; CodeRateLimited with RetryAfter, since the present password could be guessed here.
func (s *Service) ChangePassword(ctx context.Context, user backend.User, here backend.SignInID, present, next string, meta Meta) error {
	if wrong := checkPassword(next); wrong != "" {
		return &backend.Error{Code: backend.CodeInvalid, Message: "the new password cannot be taken", Fields: map[string]string{"password": wrong}}
	}
	account := fold(user.Username)
	for _, limit := range []error{s.addresses.check(meta.IP), s.accounts.check(account)} {
		if limit != nil {
			return limit
		}
	}
	hash, err := s.cfg.Store.PasswordHash(ctx, user.ID)
	if err != nil {
		return err
	}
	fits, err := s.hasher.compare(ctx, hash, present)
	if err != nil {
		return err
	}
	if !fits {
		s.addresses.fail(meta.IP)
		s.accounts.fail(account)
		if err := s.audit(ctx, "user.password_failed", user.ID, meta, nil); err != nil {
			return err
		}
		return &backend.Error{Code: backend.CodeInvalid, Message: "the present password is wrong", Fields: map[string]string{"current_password": "is not your password"}}
	}
	made, err := s.hasher.hash(ctx, next)
	if err != nil {
		return err
	}
	ended, err := s.cfg.Store.ChangePassword(ctx, user.ID, string(made), here)
	if err != nil {
		return err
	}
	return s.audit(ctx, "user.password", user.ID, meta, map[string]any{"sign_ins_ended": ended})
}

// EndSignIn ends a sign-in of the user's, or revokes a token for programs. CodeNotFound.
func (s *Service) EndSignIn(ctx context.Context, user backend.UserID, id backend.SignInID, token bool, meta Meta) error {
	ended, err := s.cfg.Store.DeleteSignIn(ctx, user, id, token)
	if err != nil {
		return err
	}
	if token {
		return s.audit(ctx, "token.revoke", user, meta, map[string]any{"token_id": id, "name": ended.Name})
	}
	return s.audit(ctx, "signin.revoke", user, meta, map[string]any{"sign_in_id": id, "user_agent": ended.UserAgent})
}

// EndSignIns ends all sign-ins of a user but one, which may be "": all.
func (s *Service) EndSignIns(ctx context.Context, user backend.UserID, except backend.SignInID, meta Meta) error {
	ended, err := s.cfg.Store.DeleteSignIns(ctx, user, except)
	if err != nil {
		return err
	}
	return s.audit(ctx, "signin.revoke_all", user, meta, map[string]any{"sign_ins_ended": ended, "this_one_too": except == ""})
}

// NewToken makes a token for programs and returns it: it is not kept and cannot be had again. CodeInvalid with Fields,
// CodeTooLarge.
func (s *Service) NewToken(ctx context.Context, user backend.UserID, name string, ttl time.Duration, readOnly bool, meta Meta) (string, backend.SignIn, error) {
	fields := map[string]string{}
	name = strings.TrimSpace(name)
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		fields["name"] = "say what it is for"
	case n > maxLabel:
		fields["name"] = "use " + strconv.Itoa(maxLabel) + " characters at most"
	case strings.ContainsFunc(name, unicode.IsControl):
		fields["name"] = "leave out line breaks and control characters"
	}
	if ttl < minTokenTTL || ttl > maxTokenTTL {
		fields["expires_in"] = "choose from a minute to a year"
	}
	if len(fields) > 0 {
		return "", backend.SignIn{}, &backend.Error{Code: backend.CodeInvalid, Message: "the token cannot be made like that", Fields: fields}
	}
	token := tokenPrefix + newToken()
	made, err := s.cfg.Store.CreateToken(ctx, user, sha256.Sum256([]byte(token)), backend.SignIn{
		Token: true, ReadOnly: readOnly, Name: name, ExpiresAt: time.Now().Add(ttl), UserAgent: shorten(meta.UserAgent), RemoteAddr: meta.IP,
	})
	if err != nil {
		return "", made, err
	}
	return token, made, s.audit(ctx, "token.create", user, meta, map[string]any{"token_id": made.ID, "name": name, "read_only": readOnly})
}
