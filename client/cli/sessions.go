package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/google/uuid"

	"codingplatform/client"
)

// listSessions prints a line for each session, and one for each further terminal of it.
func listSessions(ctx context.Context, api *client.API, w io.Writer) error {
	sessions, err := api.Sessions(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "SESSION\tNAME\tPHASE\tTERMINAL\tSIZE\tVIEWERS\tSTATE")
	for _, s := range sessions {
		line := fmt.Sprintf("%s\t%s\t%s", s.ID, printable(s.Name), s.Phase)
		var terminals []client.TerminalInfo
		if s.Phase == "ready" {
			// One that was deleted or stopped since it was listed has none.
			if terminals, err = api.Terminals(ctx, s.ID); err != nil && !errors.Is(err, client.ErrNotFound) {
				return err
			}
		}
		if len(terminals) == 0 {
			_, _ = fmt.Fprintf(table, "%s\t-\t-\t-\t%s\n", line, printable(s.Reason))
		}
		for _, t := range terminals {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%dx%d\t%d\t%s\n", line, printable(t.Name), t.Cols, t.Rows, t.Viewers, printable(stateOf(t)))
			line = "\t\t"
		}
	}
	return table.Flush()
}

func stateOf(t client.TerminalInfo) string {
	switch {
	case t.Exit != nil && t.Exit.Signal != "":
		return "ended by " + t.Exit.Signal
	case t.Exit != nil:
		return fmt.Sprintf("ended with %d", t.Exit.Code)
	case t.Foreground != "":
		return "runs " + t.Foreground
	case t.Title != "":
		return t.Title
	}
	return "waits"
}

// findSession finds a session by its UUID, its name, or the beginning of its UUID, in this order. A whole UUID is
// not looked up: it may be of a session that somebody shares.
func findSession(ctx context.Context, api *client.API, word string) (string, error) {
	if id, err := uuid.Parse(word); err == nil && len(word) == 36 {
		return id.String(), nil
	}
	sessions, err := api.Sessions(ctx)
	if err != nil {
		return "", err
	}
	for _, matches := range []func(client.Session) bool{
		func(s client.Session) bool { return s.Name == word },
		func(s client.Session) bool { return strings.HasPrefix(s.ID, strings.ToLower(word)) },
	} {
		var found []string
		for _, s := range sessions {
			if matches(s) {
				found = append(found, s.ID)
			}
		}
		switch {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return "", fmt.Errorf("%q could be any of %s", word, strings.Join(found, ", "))
		}
	}
	return "", fmt.Errorf("there is no session %q; backend sessions lists yours", word)
}
