package session

import (
	"strings"
	"testing"
	"time"
)

func TestDecide(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	policy := IdlePolicy{After: time.Hour, Warn: 5 * time.Minute, MaxAge: 12 * time.Hour}
	for name, tt := range map[string]struct {
		activity Activity
		policy   IdlePolicy
		want     Decision
		reason   string
	}{
		"just ready":                         {Activity{ReadySince: now}, policy, Keep, ""},
		"used lately":                        {Activity{ReadySince: ago(3 * time.Hour), LastUse: ago(time.Minute)}, policy, Keep, ""},
		"never used, ready for long":         {Activity{ReadySince: ago(61 * time.Minute)}, policy, Stop, "nobody used it"},
		"use from before it was ready":       {Activity{ReadySince: ago(time.Minute), LastUse: ago(5 * time.Hour)}, policy, Keep, ""},
		"soon idle":                          {Activity{ReadySince: ago(3 * time.Hour), LastUse: ago(56 * time.Minute)}, policy, Warn, "in 4m0s"},
		"exactly idle":                       {Activity{ReadySince: ago(3 * time.Hour), LastUse: ago(time.Hour)}, policy, Stop, "1h0m0s"},
		"a job computes without a word":      {Activity{ReadySince: ago(3 * time.Hour), LastUse: ago(2 * time.Hour), CPUBusy: true}, policy, Keep, ""},
		"no limit":                           {Activity{ReadySince: ago(900 * time.Hour)}, IdlePolicy{}, Keep, ""},
		"too old though busy":                {Activity{ReadySince: ago(12 * time.Hour), LastUse: now, CPUBusy: true}, policy, Stop, "longest time"},
		"nearly too old":                     {Activity{ReadySince: ago(12*time.Hour - time.Minute), LastUse: now}, policy, Warn, "in 1m0s"},
		"old age counts with no idle policy": {Activity{ReadySince: ago(13 * time.Hour), LastUse: now}, IdlePolicy{MaxAge: 12 * time.Hour}, Stop, "longest time"},
	} {
		t.Run(name, func(t *testing.T) {
			got, reason := Decide(now, tt.activity, tt.policy)
			if got != tt.want || !strings.Contains(reason, tt.reason) {
				t.Errorf("Decide = %v, %q; want %v, …%q…", got, reason, tt.want, tt.reason)
			}
		})
	}
}
