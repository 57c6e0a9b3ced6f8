package postgres_test

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
)

func (w *world) newUser(name string) backend.UserID {
	w.t.Helper()
	user, err := w.CreateUser(w.t.Context(), name, name+"@example.org", "hash")
	if err != nil {
		w.t.Fatal(err)
	}
	return user.ID
}

// share shares the session for an hour, if nothing else is said.
func (w *world) share(n backend.NewShare) backend.Share {
	w.t.Helper()
	n.SessionID, n.Owner = w.session, w.user
	if n.Lifetime == 0 {
		n.Lifetime = time.Hour
	}
	share, err := w.CreateShare(w.t.Context(), n)
	if err != nil {
		w.t.Fatal(err)
	}
	return share
}

// exec changes rows behind the store's back.
func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	if _, err := connect(w.t, w.url).Exec(w.t.Context(), query, args...); err != nil {
		w.t.Fatal(err)
	}
}

// grants are what a user has, as "terminal mode".
func (w *world) grants(user backend.UserID) []string {
	w.t.Helper()
	session, access, err := w.Access(w.t.Context(), user, w.session)
	if backend.CodeOf(err) == backend.CodeNotFound {
		if session.ID != "" || access.Any() {
			w.t.Errorf("with not found come %+v and %+v", session, access)
		}
		return nil
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if session.ID != w.session {
		w.t.Errorf("found the session %s", session.ID)
	}
	if access.Owner {
		return []string{"owner"}
	}
	var all []string
	for _, g := range access.Grants {
		all = append(all, g.Terminal+" "+string(g.Mode))
	}
	return all
}

func hashOf(token string) [32]byte { return sha256.Sum256([]byte(token)) }

func TestAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bea, cyd, dan := w.newUser("bea"), w.newUser("cyd"), w.newUser("dan")
	has := func(user backend.UserID, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, w.grants(user)); diff != "" {
			t.Errorf("access (-want +got):\n%s", diff)
		}
	}
	has(w.user, "owner")
	has(bea)

	w.share(backend.NewShare{Mode: backend.ShareView, Login: "BEA"})
	w.share(backend.NewShare{Mode: backend.ShareWrite, Login: "cyd@example.org", Terminal: "1"})
	link := w.share(backend.NewShare{Mode: backend.ShareWrite, TokenHash: hashOf("token")})
	has(bea, " view")
	has(cyd, "1 write")
	has(dan)
	if link.Kind != backend.ShareLink || link.Username != "" || len(link.Accepted) != 0 {
		t.Errorf("%+v", link)
	}

	// A link is whose who accept it, and both shares of one user count.
	for _, user := range []backend.UserID{bea, dan, dan} {
		shared, err := w.AcceptShare(t.Context(), user, hashOf("token"))
		if err != nil {
			t.Fatal(err)
		}
		if shared.Owner != "ada" || shared.Session.ID != w.session || shared.Grant.Share != link.ID || shared.Grant.Mode != backend.ShareWrite {
			t.Errorf("%+v", shared)
		}
	}
	has(bea, " view", " write")
	has(dan, " write")
	_, err := w.AcceptShare(t.Context(), w.user, hashOf("token"))
	wantCode(t, err, backend.CodeConflict)
	has(w.user, "owner")
	for _, token := range []string{"", "Token", string(link.ID)} {
		_, err := w.AcceptShare(t.Context(), cyd, hashOf(token))
		wantCode(t, err, backend.CodeNotFound)
	}
	// The hash of nothing is not what shares by name are found by.
	_, err = w.AcceptShare(t.Context(), cyd, [32]byte{})
	wantCode(t, err, backend.CodeNotFound)

	// Time and deletion end it, on every way in.
	w.exec(`UPDATE shares SET expires_at = now() WHERE id = $1`, string(link.ID))
	has(bea, " view")
	has(dan)
	_, err = w.AcceptShare(t.Context(), dan, hashOf("token"))
	wantCode(t, err, backend.CodeNotFound)
	if n, err := w.DeleteExpiredShares(t.Context()); n != 1 || err != nil {
		t.Errorf("deleted %d expired shares: %v", n, err)
	}
	if shares, err := w.Shares(t.Context(), w.session); len(shares) != 2 || err != nil {
		t.Errorf("%d shares are left: %v", len(shares), err)
	}
	if err := w.DeleteSession(t.Context(), w.user, w.session); err != nil {
		t.Fatal(err)
	}
	has(w.user)
	has(bea)
	if shared, err := w.SharedWith(t.Context(), bea); len(shared) != 0 || err != nil {
		t.Errorf("of a deleted session %d shares are listed: %v", len(shared), err)
	}
	for _, id := range []backend.SessionID{"", "x", "00000000-0000-0000-0000-000000000000"} {
		_, _, err := w.Access(t.Context(), w.user, id)
		wantCode(t, err, backend.CodeNotFound)
	}
	if err := w.PurgeSession(t.Context(), w.session); err != nil {
		t.Fatal(err)
	}
	if n := w.count("shares") + w.count("share_guests"); n != 0 {
		t.Errorf("%d rows outlive their session", n)
	}
}

func TestSharesAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bea := w.newUser("bea")
	named := w.share(backend.NewShare{Mode: backend.ShareView, Login: "bea", Terminal: "1"})
	link := w.share(backend.NewShare{Mode: backend.ShareWrite, TokenHash: hashOf("token"), Lifetime: time.Minute})
	if _, err := w.AcceptShare(t.Context(), bea, hashOf("token")); err != nil {
		t.Fatal(err)
	}
	guest := []backend.ShareGuest{{Username: "bea"}}
	want := []backend.Share{
		{ID: link.ID, SessionID: w.session, Mode: backend.ShareWrite, Kind: backend.ShareLink, Accepted: guest},
		{ID: named.ID, SessionID: w.session, Terminal: "1", Mode: backend.ShareView, Kind: backend.ShareUser, Username: "bea", Accepted: guest},
	}
	got, err := w.Shares(t.Context(), w.session)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(time.Time{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[1], named, cmpopts.IgnoreTypes(time.Time{})); diff != "" {
		t.Errorf("as created (-want +got):\n%s", diff)
	}
	if life := got[0].ExpiresAt.Sub(got[0].CreatedAt); life != time.Minute {
		t.Errorf("a minute lasts %v", life)
	}

	// Only who has a share can leave it, only its session's owner end it.
	cyd := w.newUser("cyd")
	_, err = w.LeaveShare(t.Context(), cyd, link.ID)
	wantCode(t, err, backend.CodeNotFound)
	other, err := w.CreateSession(t.Context(), cyd, "other", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.RevokeShare(t.Context(), other.ID, link.ID)
	wantCode(t, err, backend.CodeNotFound)
	_, err = w.CreateShare(t.Context(), backend.NewShare{SessionID: w.session, Owner: cyd, Mode: backend.ShareWrite, Login: "bea", Lifetime: time.Hour})
	wantCode(t, err, backend.CodeNotFound)
	if session, err := w.LeaveShare(t.Context(), bea, link.ID); session != w.session || err != nil {
		t.Errorf("left %s: %v", session, err)
	}
	if diff := cmp.Diff([]string{"1 view"}, w.grants(bea)); diff != "" {
		t.Error(diff)
	}
	for _, id := range []backend.ShareID{"", "x", link.ID + "x"} {
		_, err := w.LeaveShare(t.Context(), bea, id)
		wantCode(t, err, backend.CodeNotFound)
		_, err = w.RevokeShare(t.Context(), w.session, id)
		wantCode(t, err, backend.CodeNotFound)
	}
}

// TestRevokedWhileAccepted has a link accepted by many at the moment in which it is revoked: nobody keeps it.
func TestRevokedWhileAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	users := make([]backend.UserID, 6)
	for i := range users {
		users[i] = w.newUser("guest" + string(rune('a'+i)))
	}
	for range 10 {
		link := w.share(backend.NewShare{Mode: backend.ShareWrite, TokenHash: hashOf("token")})
		var group sync.WaitGroup
		for _, user := range users {
			group.Go(func() {
				if _, err := w.AcceptShare(t.Context(), user, hashOf("token")); err != nil && backend.CodeOf(err) != backend.CodeNotFound {
					t.Errorf("accept: %v", err)
				}
			})
		}
		group.Go(func() {
			if _, err := w.RevokeShare(t.Context(), w.session, link.ID); err != nil {
				t.Errorf("revoke: %v", err)
			}
		})
		group.Wait()
		for _, user := range users {
			if got := w.grants(user); got != nil {
				t.Fatalf("after the revocation a guest has %v", got)
			}
		}
	}
	if n := w.count("share_guests"); n != 0 {
		t.Errorf("%d rows of guests are left", n)
	}
}

// TestShareLimit has more shares made at once than a session may have.
func TestShareLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`INSERT INTO shares (session_id, mode, token_hash, expires_at)
		SELECT $1, 'view', sha256(n::text::bytea), now() + CASE WHEN n > 98 THEN -interval '1 hour' ELSE interval '1 hour' END FROM generate_series(1, 120) n`, string(w.session))
	var mu sync.Mutex
	made := 0
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			_, err := w.CreateShare(t.Context(), backend.NewShare{
				SessionID: w.session, Owner: w.user, Mode: backend.ShareView, TokenHash: hashOf(fmt.Sprintf("new %d", i)), Lifetime: time.Hour,
			})
			if err != nil {
				wantCode(t, err, backend.CodeTooLarge)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			made++
		})
	}
	group.Wait()
	if made != 2 {
		t.Errorf("beside 98 that are good %d were made", made)
	}
}

// TestListenerWakesForAccess: guards of sockets learn of each change, and of no other, also of what happened while
// the connection was lost.
func TestListenerWakesForAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bea := w.newUser("bea")
	listener := postgres.NewListener(w.url, slog.New(slog.DiscardHandler))
	access, end := listener.SubscribeAccess(w.session)
	defer end()
	files, endFiles := listener.Subscribe(w.session)
	defer endFiles()
	done := make(chan error, 1)
	ctx := t.Context()
	go func() { done <- listener.Run(ctx) }()
	<-access // it listens now
	<-files

	w.save("f", "x")
	<-files
	select {
	case <-access:
		t.Error("a saved file looked like a change of access")
	default:
	}
	link := w.share(backend.NewShare{Mode: backend.ShareView, TokenHash: hashOf("token")})
	<-access
	if _, err := w.AcceptShare(t.Context(), bea, hashOf("token")); err != nil {
		t.Fatal(err)
	}
	<-access
	if _, err := w.LeaveShare(t.Context(), bea, link.ID); err != nil {
		t.Fatal(err)
	}
	<-access
	if _, err := w.RevokeShare(t.Context(), w.session, link.ID); err != nil {
		t.Fatal(err)
	}
	<-access

	// What was told to nobody is looked for.
	w.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%' AND pid <> pg_backend_pid()`)
	<-access
	if err := w.DeleteSession(t.Context(), w.user, w.session); err != nil {
		t.Fatal(err)
	}
	<-access
}
