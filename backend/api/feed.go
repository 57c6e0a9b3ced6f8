package api

import (
	"net/http"
	"strconv"
	"time"

	"codingplatform/backend"
)

const (
	defaultChanges = 1000
	maxChanges     = 10_000
	maxWaitSeconds = 30
)

// changeBody is one entry of the feed.
type changeBody struct {
	itemBody
	Op     backend.ChangeOp `json:"op"`
	From   string           `json:"from"`
	Hash   string           `json:"hash"`
	Source backend.Source   `json:"source"`
}

// feedBody is a part of the feed. Whoever has applied it is at Revision, and asks with ?after= that for more.
type feedBody struct {
	Revision int64        `json:"revision"`
	Changes  []changeBody `json:"changes"`
}

// changes is the feed of a workspace after a revision. With ?wait= it waits for a change, so many seconds at most.
func (s *server) changes(w http.ResponseWriter, r *http.Request) error {
	after, err := queryRevision(r, "after", 0)
	if err != nil {
		return err
	}
	limit, err := queryInt(r, "limit", defaultChanges, 1, maxChanges)
	if err != nil {
		return err
	}
	seconds, err := queryInt(r, "wait", 0, 0, maxWaitSeconds)
	if err != nil {
		return err
	}
	id := sessionOf(r).ID
	// Before the first look: what is committed between the two wakes.
	wake, unsubscribe := s.cfg.Wakes.Subscribe(id)
	defer unsubscribe()
	timeout := time.NewTimer(time.Duration(seconds) * time.Second)
	defer timeout.Stop()
	for {
		changes, last, reaches, err := s.cfg.Store.ChangesSince(r.Context(), id, after, limit)
		if err != nil {
			return err
		}
		if !reaches {
			return &requestError{
				status: http.StatusGone, code: backend.CodeNotFound,
				message: "the feed does not reach back to revision " + strconv.FormatInt(after, 10) + ": list the files and go on from X-Workspace-Revision, now " + strconv.FormatInt(last, 10),
			}
		}
		if len(changes) > 0 || seconds == 0 {
			s.sendFeed(w, r, changes, last)
			return nil
		}
		select {
		case <-wake:
		case <-timeout.C:
			seconds = 0
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
}

func (s *server) sendFeed(w http.ResponseWriter, r *http.Request, changes []backend.Change, last int64) {
	body := feedBody{Revision: last, Changes: make([]changeBody, 0, len(changes))}
	for _, c := range changes {
		body.Changes = append(body.Changes, changeBody{itemBody: newItemBody(c.Item), Op: c.Op, From: c.From, Hash: hexHash(c.Hash), Source: c.Source})
	}
	s.answer(w, r, http.StatusOK, body)
}
