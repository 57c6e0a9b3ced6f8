package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
)

// Store is what the service needs of the database.
type Store interface {
	CreateUser(ctx context.Context, username, email, passwordHash string) (backend.User, error)
	UserByLogin(ctx context.Context, login string) (backend.User, string, error)
	CreateToken(ctx context.Context, user backend.UserID, hash [32]byte, signIn backend.SignIn) (backend.SignIn, error)
	UserByToken(ctx context.Context, hash [32]byte) (backend.User, backend.SignIn, error)
	PasswordHash(ctx context.Context, user backend.UserID) (string, error)
	ChangePassword(ctx context.Context, user backend.UserID, hash string, except backend.SignInID) (int64, error)
	DeleteSignIn(ctx context.Context, user backend.UserID, id backend.SignInID, token bool) (backend.SignIn, error)
	DeleteSignIns(ctx context.Context, user backend.UserID, except backend.SignInID) (int64, error)
	DeleteToken(ctx context.Context, hash [32]byte) error
	Audit(ctx context.Context, entry postgres.AuditEntry) error
}

// Config is what a Service is made of.
type Config struct {
	Store Store
	// Cost of bcrypt, 10 to 15.
	Cost int
	// TokenTTL is how long a sign-in lasts.
	TokenTTL time.Duration
	Logger   *slog.Logger
}

// Meta is where a request came from: for the audit log and the limits.
type Meta struct {
	// IP is the client's address without a port; limits count by it.
	IP        string
	UserAgent string
	RequestID string
}

// tokenBytes of randomness in a token.
const tokenBytes = 32

// Service registers users and signs them in. Its methods may be called at once from many goroutines.
type Service struct {
	cfg       Config
	hasher    *hasher
	addresses *limiter
	accounts  *limiter
	// nobody is the hash that the password of a user who does not exist is compared with.
	nobody []byte
}

// New makes a Service.
func New(cfg Config) (*Service, error) {
	if cfg.Cost < bcrypt.MinCost || cfg.Cost > bcrypt.MaxCost {
		return nil, fmt.Errorf("auth: a bcrypt cost of %d is not possible", cfg.Cost)
	}
	return &Service{
		cfg: cfg, hasher: newHasher(cfg.Cost), nobody: nobodys(cfg.Cost),
		addresses: newLimiter(addressEvery, addressBurst), accounts: newLimiter(accountEvery, accountBurst),
	}, nil
}

// nobodys is a hash that no password has, made without hashing, which would take a start as long as a sign-in: to
// compare with it costs as much as with any other.
func nobodys(cost int) []byte {
	hash := fmt.Appendf(nil, "$2a$%02d$", cost)
	for range saltAndHash / 26 { // a letter of rand.Text is one of bcrypt's alphabet
		hash = append(hash, rand.Text()...)
	}
	return append(hash, rand.Text()[:saltAndHash%26]...)
}

// saltAndHash is how many characters the two have in bcrypt's own form.
const saltAndHash = 22 + 31

// Register makes a user and signs it in: the second value is the token. CodeInvalid and CodeAlreadyExists with Fields;
// CodeRateLimited with RetryAfter.
func (s *Service) Register(ctx context.Context, username, email, password string, meta Meta) (backend.User, string, error) {
	username, email, err := checkRegistration(username, email, password)
	if err != nil {
		return backend.User{}, "", err
	}
	// Each registration costs a hash.
	if err := s.addresses.take(meta.IP); err != nil {
		return backend.User{}, "", err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return backend.User{}, "", err
	}
	user, err := s.cfg.Store.CreateUser(ctx, username, email, string(hash))
	if err != nil {
		return backend.User{}, "", err
	}
	token, err := s.signIn(ctx, user, meta)
	if err != nil {
		return backend.User{}, "", err
	}
	return user, token, s.audit(ctx, "user.register", user.ID, meta, map[string]any{"username": user.Username})
}

// Login signs a user in by name or address. CodeUnauthenticated says no more than that the two do not fit;
// CodeRateLimited with RetryAfter.
func (s *Service) Login(ctx context.Context, login, password string, meta Meta) (backend.User, string, error) {
	if login == "" || password == "" {
		fields := map[string]string{}
		if login == "" {
			fields["username"] = "give your name or address"
		}
		if password == "" {
			fields["password"] = "give your password"
		}
		return backend.User{}, "", &backend.Error{Code: backend.CodeInvalid, Message: "name and password are needed", Fields: fields}
	}
	login = fold(login)
	if strings.ContainsRune(login, 0) || !utf8.ValidString(login) {
		// The database takes no such text, and so nobody has such a name.
		return backend.User{}, "", backend.Errorf(backend.CodeUnauthenticated, "name or password is wrong")
	}
	for _, limit := range []error{s.addresses.check(meta.IP), s.accounts.check(login)} {
		if limit != nil {
			return backend.User{}, "", limit
		}
	}
	user, hash, err := s.cfg.Store.UserByLogin(ctx, login)
	known := err == nil
	if err != nil && backend.CodeOf(err) != backend.CodeNotFound {
		return backend.User{}, "", err
	}
	if !known {
		hash = string(s.nobody)
	}
	fits, err := s.hasher.compare(ctx, hash, password)
	if err != nil {
		return backend.User{}, "", err
	}
	if !known || !fits {
		s.addresses.fail(meta.IP)
		s.accounts.fail(login)
		if err := s.audit(ctx, "user.login_failed", user.ID, meta, map[string]any{"login": shorten(login)}); err != nil {
			return backend.User{}, "", err
		}
		return backend.User{}, "", backend.Errorf(backend.CodeUnauthenticated, "name or password is wrong")
	}
	token, err := s.signIn(ctx, user, meta)
	if err != nil {
		return backend.User{}, "", err
	}
	return user, token, s.audit(ctx, "user.login", user.ID, meta, nil)
}

// Logout forgets a token. One that is not known is no error.
func (s *Service) Logout(ctx context.Context, token string) error {
	user, _, err := s.Authenticate(ctx, token)
	if backend.CodeOf(err) == backend.CodeUnauthenticated {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.cfg.Store.DeleteToken(ctx, sha256.Sum256([]byte(token))); err != nil {
		return err
	}
	return s.audit(ctx, "user.logout", user.ID, Meta{}, nil)
}

// Authenticate returns a token's user and what the token is. CodeUnauthenticated when the token is not or no longer good.
func (s *Service) Authenticate(ctx context.Context, token string) (backend.User, backend.SignIn, error) {
	if len(token) > 4*tokenBytes {
		return backend.User{}, backend.SignIn{}, backend.Errorf(backend.CodeUnauthenticated, "you are not signed in, or the sign-in has expired: sign in again")
	}
	return s.cfg.Store.UserByToken(ctx, sha256.Sum256([]byte(token)))
}

// Guess is an attempt at a secret that is no password.
type Guess struct {
	addresses *limiter
	ip        string
}

// Guess says whether an address may still guess. CodeRateLimited with RetryAfter.
func (s *Service) Guess(meta Meta) (Guess, error) {
	return Guess{s.addresses, meta.IP}, s.addresses.check(meta.IP)
}

// Wrong counts the guess.
func (g Guess) Wrong() { g.addresses.fail(g.ip) }

func (s *Service) signIn(ctx context.Context, user backend.User, meta Meta) (string, error) {
	token := newToken()
	_, err := s.cfg.Store.CreateToken(ctx, user.ID, sha256.Sum256([]byte(token)), backend.SignIn{
		ExpiresAt: time.Now().Add(s.cfg.TokenTTL), UserAgent: shorten(meta.UserAgent), RemoteAddr: meta.IP,
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

func newToken() string {
	raw := make([]byte, tokenBytes)
	// crypto/rand never fails: the program would end.
	_, _ = rand.Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)
}

func (s *Service) audit(ctx context.Context, action string, user backend.UserID, meta Meta, detail map[string]any) error {
	return s.cfg.Store.Audit(ctx, postgres.AuditEntry{
		Action: action, UserID: user, RemoteAddr: meta.IP, RequestID: meta.RequestID, Detail: detail,
	})
}
