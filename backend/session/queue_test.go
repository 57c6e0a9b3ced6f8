package session

import (
	"strings"
	"testing"

	"codingplatform/backend"
)

func TestQueueReasonNamesTheLimitAndThePlace(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		place backend.RunPlace
		want  string
	}{
		"own limit":  {backend.RunPlace{UserFull: true, UserRunning: 3}, "you have 3 sessions running, as many as are allowed at once. Stop one"},
		"one of own": {backend.RunPlace{UserFull: true, UserRunning: 1}, "you have 1 session running"},
		"the next":   {backend.RunPlace{Turn: 1, Length: 4, Running: 7}, "7 sessions run here, as many as are allowed at once (7); it is the next to start"},
		"far behind": {backend.RunPlace{Turn: 3, Length: 4, Running: 7}, "number 3 of 4 that wait"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := queueReason(tt.place, backend.RunLimits{Total: 7, PerUser: 3}); !strings.Contains(got, tt.want) {
				t.Errorf("%q does not say %q", got, tt.want)
			}
		})
	}
}
