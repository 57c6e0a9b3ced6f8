package relay

import (
	"crypto/rand"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"codingplatform/backend"
)

// maxSize is the largest number of columns or rows.
const maxSize = 4096

var (
	terminalName = regexp.MustCompile(`^[\p{L}\p{Nd} ._-]{1,64}$`)
	clientID     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// query is what a client asks for.
type query struct {
	session     backend.SessionID
	terminal    string
	cols, rows  uint32
	incarnation string
	// offset of the first byte wanted, when hasOffset.
	offset    uint64
	hasOffset bool
	client    string
	// named: the client chose its ID, and may come back with it.
	named bool
	// wantsView: the client asks to look only.
	wantsView bool
	// What it gets: see allow.
	access    backend.Access
	view      bool
	canCreate bool
	user      backend.User
	cwd       string
	command   []string
	// revision to resume the event stream from, when hasRevision.
	revision    int64
	hasRevision bool
}

func parseQuery(v url.Values) (query, error) {
	q := query{wantsView: v.Get("mode") == "view", incarnation: v.Get("incarnation"), cwd: strings.Trim(v.Get("cwd"), "/"), command: v["command"]}
	id, err := uuid.Parse(v.Get("session"))
	if err != nil {
		return q, backend.Errorf(backend.CodeInvalid, "session must be a UUID")
	}
	q.session = backend.SessionID(id.String())
	if s := v.Get("revision"); s != "" {
		if q.revision, err = strconv.ParseInt(s, 10, 64); err != nil || q.revision < 0 {
			return q, backend.Errorf(backend.CodeInvalid, "revision must be a number from 0")
		}
		q.hasRevision = true
	}
	q.terminal = v.Get("terminal")
	if q.terminal == "" {
		return q, nil
	}
	if !terminalName.MatchString(q.terminal) {
		return q, backend.Errorf(backend.CodeInvalid, "terminal must be 1 to 64 letters, digits, spaces, '.', '_' or '-'")
	}
	if q.cols, err = size(v.Get("cols"), 80); err != nil {
		return q, err
	}
	if q.rows, err = size(v.Get("rows"), 24); err != nil {
		return q, err
	}
	if s := v.Get("offset"); s != "" && q.incarnation != "" {
		if q.offset, err = strconv.ParseUint(s, 10, 64); err != nil {
			return q, backend.Errorf(backend.CodeInvalid, "offset must be a number from 0")
		}
		q.hasOffset = true
	}
	if q.client = v.Get("client"); q.client == "" {
		q.client = rand.Text()
	} else if q.named = true; !clientID.MatchString(q.client) {
		return q, backend.Errorf(backend.CodeInvalid, "client must be 1 to 64 of A-Z a-z 0-9 _ -")
	}
	if q.cwd == "." {
		q.cwd = "" // as the list tells of the workspace itself
	}
	if q.cwd != "" {
		if q.cwd, err = backend.CleanPath(q.cwd); err != nil {
			return q, err
		}
	}
	return q, nil
}

// ValidTerminalName says whether a terminal may have that name.
func ValidTerminalName(name string) bool { return terminalName.MatchString(name) }

func size(s string, otherwise uint32) (uint32, error) {
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n < 1 || n > maxSize {
		return 0, backend.Errorf(backend.CodeInvalid, "cols and rows must be from 1 to %d", maxSize)
	}
	return uint32(n), nil
}
