package kube

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	// The pause after a refusal doubles from the first to the second, unless the API server asks for a longer one.
	pauseLeast, pauseMost = time.Second, 30 * time.Second
	// trialTimeout is how long the request that is sent after a pause may take before another is.
	trialTimeout = 10 * time.Second
)

// pace holds requests back from an API server that has too much to do. client-go waits with the one request that was
// refused; here all of this process wait, then one is sent to try, and only when that is served the rest are.
type pace struct {
	next   http.RoundTripper
	logger *slog.Logger

	mu sync.Mutex
	// pause is the present one; zero: none. Nothing but one request is sent before until.
	pause time.Duration
	until time.Time
	// over is closed when the pause is.
	over chan struct{}
}

func newPace(next http.RoundTripper, logger *slog.Logger) *pace {
	return &pace{next: next, logger: logger, over: make(chan struct{})}
}

// RoundTrip implements http.RoundTripper.
func (p *pace) RoundTrip(r *http.Request) (*http.Response, error) {
	trial, err := p.admit(r.Context())
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // as a RoundTripper must; it is not sent
		}
		return nil, err
	}
	response, err := p.next.RoundTrip(r)
	asked, refused := refusal(response)
	switch {
	case refused:
		p.refused(r.Context(), trial, asked)
		// Without it client-go would not try again, and what was refused has had no effect.
		if response.Header.Get("Retry-After") == "" {
			response.Header.Set("Retry-After", strconv.Itoa(int(pauseLeast.Seconds())))
		}
	case trial:
		// One that fails otherwise ends the pause too: who asked is told of that.
		p.served(r.Context())
	}
	return response, err
}

// refusal says whether the API server has too much to do, and how long it asks to be left alone.
func refusal(response *http.Response) (asked time.Duration, refused bool) {
	if response == nil {
		return 0, false
	}
	seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
	switch {
	case err == nil && (response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= http.StatusInternalServerError):
		return time.Duration(seconds) * time.Second, true
	case response.StatusCode == http.StatusTooManyRequests:
		return 0, true
	}
	return 0, false
}

// admit returns when a request may be sent; trial: its answer says for the others.
func (p *pace) admit(ctx context.Context) (trial bool, err error) {
	for {
		p.mu.Lock()
		if p.pause == 0 {
			p.mu.Unlock()
			return false, nil
		}
		now := time.Now()
		if !now.Before(p.until) {
			p.until = now.Add(trialTimeout)
			p.mu.Unlock()
			return true, nil
		}
		timer, over := time.NewTimer(p.until.Sub(now)), p.over
		p.mu.Unlock()
		select {
		case <-timer.C:
		case <-over:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		timer.Stop()
		if err != nil {
			return false, err
		}
	}
}

// refused begins a pause or, after a trial, a longer one. Requests that were under way say nothing new.
func (p *pace) refused(ctx context.Context, trial bool, asked time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pause > 0 && !trial {
		return
	}
	if p.pause == 0 {
		p.logger.WarnContext(ctx, "the API server has too much to do: requests to it wait")
	}
	p.pause = min(max(2*p.pause, pauseLeast), pauseMost)
	// So that replicas that were refused at once do not come at once again.
	p.until = time.Now().Add(max(asked, p.pause) + rand.N(p.pause/2))
}

// served ends the pause.
func (p *pace) served(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pause == 0 {
		return
	}
	p.pause = 0
	close(p.over)
	p.over = make(chan struct{})
	p.logger.InfoContext(ctx, "the API server answers again")
}

// WrappedRoundTripper lets client-go find what it wraps, to close idle connections.
func (p *pace) WrappedRoundTripper() http.RoundTripper { return p.next }
