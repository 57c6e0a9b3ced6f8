package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"codingplatform/backend/postgrestest"
)

type lifeStatus struct {
	Phase      string     `json:"phase"`
	Reason     string     `json:"reason"`
	StopsAt    *time.Time `json:"stops_at"`
	MayStay    bool       `json:"may_stay"`
	QueuePlace int        `json:"queue_place"`
}

func (c *client) status(session string) (s lifeStatus) {
	c.t.Helper()
	c.call(http.StatusOK, http.MethodGet, "/api/workspace/"+session+"/status", nil).decode(c.t, &s)
	return s
}

// TestUnusedSessionIsWarnedOfStaysAndStops has one with nobody attached: a click takes the warning back, and without one it
// stops and says why.
func TestUnusedSessionIsWarnedOfStaysAndStops(t *testing.T) {
	t.Parallel()
	p := startProgram(t, dataDir(t), "--closed-timeout", "10s", "--idle-warning", "8s")
	c := &client{t: t, url: p.url}
	c.register("ada")
	session := c.createSession("first")
	events := c.events(session)
	c.call(http.StatusAccepted, http.MethodPost, "/api/workspace/"+session+"/start", nil)
	warning := func(m message) bool { return m.Type == "status" && m.StopsAt != "" }
	events.until(func(m message) bool {
		if warning(m) && (!m.MayStay || m.Phase != "ready" || !strings.Contains(m.Reason, "it is about to stop: nobody used it")) {
			t.Errorf("the warning is %+v", m)
		}
		return warning(m)
	})
	c.call(http.StatusNoContent, http.MethodPost, "/api/workspace/"+session+"/stay", nil)
	events.until(func(m message) bool {
		if m.Type == "status" && m.Phase != "ready" {
			t.Fatalf("it did not stay: %+v", m)
		}
		return m.Type == "status" && m.StopsAt == "" && m.Reason == ""
	})
	events.until(warning)
	events.until(func(m message) bool { return m.Type == "status" && m.Phase == "stopped" })
	if s := c.status(session); s.StopsAt != nil || s.MayStay || !strings.Contains(s.Reason, "nobody used it, or had it open, for 10s") {
		t.Errorf("the status is %+v", s)
	}
	c.call(http.StatusServiceUnavailable, http.MethodPost, "/api/workspace/"+session+"/stay", nil)
}

// TestSessionsWaitForRoom has two replicas with one database: what runs on either counts for both, and what stops on one
// makes room on the other.
func TestSessionsWaitForRoom(t *testing.T) {
	t.Parallel()
	database := postgrestest.New(t)
	start := func(replica string) *client {
		p := startProgram(t, dataDir(t), "--database-url", database, "--replica", replica, "--max-running", "2", "--max-running-per-user", "1")
		return &client{t: t, url: p.url}
	}
	ada, bob := start("one"), start("two")
	ada.register("ada")
	bob.register("bob")
	first, second := ada.createSession("first"), ada.createSession("second")
	other := bob.createSession("other")
	run := func(c *client, session, until string) *events {
		t.Helper()
		events := c.events(session)
		c.call(http.StatusAccepted, http.MethodPost, "/api/workspace/"+session+"/start", nil)
		if until != "" {
			events.until(func(m message) bool { return m.Type == "status" && m.Phase == until })
		}
		return events
	}
	run(ada, first, "ready")
	waiting := run(ada, second, "")
	waiting.until(func(m message) bool { return m.Type == "status" && m.QueuePlace > 0 })
	if s := ada.status(second); s.Phase != "starting" || s.QueuePlace != 1 || !strings.Contains(s.Reason, "you have 1 session running") {
		t.Errorf("the one that waits is %+v", s)
	}
	var list struct {
		Data []struct {
			ID         string `json:"id"`
			QueuePlace int    `json:"queue_place"`
		} `json:"data"`
	}
	ada.call(http.StatusOK, http.MethodGet, "/api/sessions/", nil).decode(t, &list)
	for _, s := range list.Data {
		if (s.QueuePlace == 1) != (s.ID == second) {
			t.Errorf("the list has %+v", s)
		}
	}
	// It is no obstacle to another user, whose session has not come to that limit.
	run(bob, other, "ready")
	// One that is not wanted any more waits no more.
	ada.call(http.StatusAccepted, http.MethodPost, "/api/workspace/"+second+"/shutdown", nil)
	if s := ada.status(second); s.Phase != "stopped" || s.QueuePlace != 0 {
		t.Errorf("stopped while it waited: %+v", s)
	}
	again := run(ada, second, "")
	again.until(func(m message) bool { return m.Type == "status" && m.QueuePlace > 0 })
	ada.call(http.StatusAccepted, http.MethodPost, "/api/workspace/"+first+"/shutdown", nil)
	again.until(func(m message) bool { return m.Type == "status" && m.Phase == "ready" })
	if s := ada.status(second); s.QueuePlace != 0 {
		t.Errorf("it runs, and still waits: %+v", s)
	}
}
