package relay

import (
	"context"
	"time"

	"codingplatform/backend"
)

// accountMessage tells a device what to look at anew: each number stands for what the device may know.
type accountMessage struct {
	Type     string `json:"type"`
	Settings int64  `json:"settings"`
	Layouts  int64  `json:"layouts"`
	Sessions int64  `json:"sessions"`
}

// serveAccount tells a user's device of changes of the settings, of layouts and of the list of sessions.
func (h *Handler) serveAccount(ctx context.Context, s *socket, user backend.User) error {
	gone := s.conn.CloseRead(s.open)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(gone, func() { cancel(errGone) })()
	defer s.keepAlive(alive).Stop()
	wake, unsubscribe := h.cfg.Wakes.SubscribeAccount(user.ID)
	defer unsubscribe()
	// Notifications may be lost.
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	var told accountMessage
	for {
		state, err := h.cfg.Store.AccountState(ctx, user.ID)
		if err != nil {
			return err
		}
		now := accountMessage{"account", state.Settings, state.Layouts, state.Sessions}
		if now != told {
			if err := s.send(ctx, now); err != nil {
				return err
			}
			told = now
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-wake:
		case <-ticker.C:
		}
	}
}
