package backend_test

import (
	"fmt"
	"testing"
	"time"

	"codingplatform/backend"
)

func TestAccessOfGrants(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	grant := func(terminal string, mode backend.ShareMode, hours int) backend.Grant {
		return backend.Grant{Share: backend.ShareID(fmt.Sprint(terminal, mode, hours)), Terminal: terminal, Mode: mode, ExpiresAt: now.Add(time.Duration(hours) * time.Hour)}
	}
	of := func(grants ...backend.Grant) backend.Access { return backend.Access{Grants: grants} }
	const none, view, write = backend.ShareMode(""), backend.ShareView, backend.ShareWrite
	for name, c := range map[string]struct {
		access              backend.Access
		workspace, one, two backend.ShareMode
		best                int
		next                int
	}{
		"nothing":            {access: of()},
		"owner":              {access: backend.Access{Owner: true}, workspace: write, one: write, two: write},
		"view":               {access: of(grant("", view, 1)), workspace: view, one: view, two: view, next: 1},
		"write":              {access: of(grant("", write, 1)), workspace: write, one: write, two: write, next: 1},
		"one to view":        {access: of(grant("1", view, 1)), one: view, next: 1},
		"one to write":       {access: of(grant("1", write, 1)), one: write, next: 1},
		"one of each":        {access: of(grant("1", view, 2), grant("2", write, 1)), one: view, two: write, best: 1, next: 1},
		"more in one":        {access: of(grant("", view, 2), grant("1", write, 3)), workspace: view, one: write, two: view, next: 2},
		"less in one":        {access: of(grant("1", view, 3), grant("", write, 2)), workspace: write, one: write, two: write, best: 1, next: 2},
		"both":               {access: of(grant("", view, 9), grant("", write, 2)), workspace: write, one: write, two: write, best: 1, next: 2},
		"both the other way": {access: of(grant("", write, 2), grant("", view, 9)), workspace: write, one: write, two: write, next: 2},
		"the longer one":     {access: of(grant("1", view, 1), grant("1", view, 5), grant("1", view, 3)), one: view, best: 1, next: 1},
	} {
		a := c.access
		if got := [3]backend.ShareMode{a.Workspace(), a.Terminal("1"), a.Terminal("2")}; got != [3]backend.ShareMode{c.workspace, c.one, c.two} {
			t.Errorf("%s: may %q", name, got)
		}
		if a.CanView() != (c.workspace != none) || a.CanWrite() != (c.workspace == write) || a.Any() != (c.one+c.two != none) {
			t.Errorf("%s: view %t, write %t, any %t", name, a.CanView(), a.CanWrite(), a.Any())
		}
		var best backend.Grant
		var next time.Time
		if len(a.Grants) > 0 {
			best, next = a.Grants[c.best], now.Add(time.Duration(c.next)*time.Hour)
		}
		if a.Best() != best {
			t.Errorf("%s: the best is %+v", name, a.Best())
		}
		if !a.NextExpiry().Equal(next) {
			t.Errorf("%s: the next to expire does at %v", name, a.NextExpiry())
		}
	}
}
