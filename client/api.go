package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	callTimeout = 30 * time.Second
	maxAnswer   = 16 << 20
	pageSize    = 100
)

// API is a server, and who one is there.
type API struct {
	base  *url.URL
	token string
	http  *http.Client
}

// New makes an API of a server's address, for example https://ide.example.org. The token may be empty for Login.
func New(address, token string) (*API, error) {
	base, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no URL", ErrBadRequest, address)
	}
	if (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("%w: %q must be like https://ide.example.org", ErrBadRequest, address)
	}
	return &API{base: &url.URL{Scheme: base.Scheme, Host: base.Host, Path: base.Path}, token: token, http: &http.Client{}}, nil
}

// WithHTTP uses another HTTP client, for example one with a proxy or certificates of its own.
func (a *API) WithHTTP(client *http.Client) *API {
	return &API{base: a.base, token: a.token, http: client}
}

// Session is one workspace.
type Session struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Phase string `json:"phase"`
	// Reason says why the environment is not running, if there is more to say.
	Reason       string    `json:"reason"`
	CreatedAt    time.Time `json:"created_at"`
	LastActivity time.Time `json:"last_activity_at"`
}

// TerminalInfo is one terminal of a running session.
type TerminalInfo struct {
	Name       string `json:"name"`
	Title      string `json:"title"`
	Cwd        string `json:"cwd"`
	Cols       int    `json:"cols"`
	Rows       int    `json:"rows"`
	Running    bool   `json:"running"`
	Foreground string `json:"foreground"`
	Viewers    int    `json:"viewers"`
	// Exit is set when the program has ended.
	Exit *Exit `json:"exit"`
}

// Login exchanges a name, or an email address, and a password for a token.
func (a *API) Login(ctx context.Context, username, password string) (token string, err error) {
	var out struct {
		Token string `json:"token"`
	}
	err = a.call(ctx, http.MethodPost, []string{"users", "login"}, nil, map[string]string{"username": username, "password": password}, &out)
	if err != nil {
		return "", fmt.Errorf("sign in: %w", err)
	}
	if out.Token == "" {
		return "", fmt.Errorf("sign in: %s answers without a token", a.base.Host)
	}
	return out.Token, nil
}

// Logout ends the token.
func (a *API) Logout(ctx context.Context) error {
	if err := a.call(ctx, http.MethodPost, []string{"users", "logout"}, nil, nil, nil); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

// Sessions lists all of the user's sessions.
func (a *API) Sessions(ctx context.Context) ([]Session, error) {
	var all []Session
	for {
		var page struct {
			Data  []Session `json:"data"`
			Count int       `json:"count"`
		}
		query := url.Values{"skip": {strconv.Itoa(len(all))}, "limit": {strconv.Itoa(pageSize)}}
		if err := a.call(ctx, http.MethodGet, []string{"sessions", ""}, query, nil, &page); err != nil {
			return nil, fmt.Errorf("list the sessions: %w", err)
		}
		all = append(all, page.Data...)
		if len(page.Data) == 0 || len(all) >= page.Count {
			return all, nil
		}
	}
}

// Terminals lists a session's terminals; none when its environment does not run.
func (a *API) Terminals(ctx context.Context, session string) ([]TerminalInfo, error) {
	var out struct {
		Terminals []TerminalInfo `json:"terminals"`
	}
	if err := a.call(ctx, http.MethodGet, []string{"workspace", session, "terminals"}, nil, nil, &out); err != nil {
		return nil, fmt.Errorf("list the terminals of %s: %w", session, err)
	}
	return out.Terminals, nil
}

// CloseTerminal ends a terminal's program and forgets the terminal.
func (a *API) CloseTerminal(ctx context.Context, session, terminal string) error {
	if err := a.call(ctx, http.MethodDelete, []string{"workspace", session, "terminals", terminal}, nil, nil, nil); err != nil {
		return fmt.Errorf("close terminal %q: %w", terminal, err)
	}
	return nil
}

// call makes one call of the API. path is in segments, escaped here.
func (a *API) call(ctx context.Context, method string, path []string, query url.Values, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	escaped := make([]string, 0, len(path)+1)
	for _, segment := range append([]string{"api"}, path...) {
		if segment == "." || segment == ".." {
			return fmt.Errorf("%w: %q cannot be in an address", ErrBadRequest, segment)
		}
		escaped = append(escaped, url.PathEscape(segment))
	}
	address := a.base.JoinPath(strings.Join(escaped, "/"))
	address.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, address.String(), body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	res, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		problem := &ProblemError{}
		// What a proxy answers is no JSON: then the status has to do.
		_ = json.Unmarshal(answer, problem)
		problem.Status = res.StatusCode
		return problem
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s answers what is not this API's: %w", a.base.Host, err)
	}
	return nil
}
