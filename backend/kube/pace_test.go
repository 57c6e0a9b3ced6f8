package kube

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"codingplatform/backend"
)

// pipes is a listener whose connections are in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// busy stands for an API server, of which nothing matters here but when it is asked and that it refuses: a real one
// cannot be made to. client-go is the real one.
type busy struct {
	mu sync.Mutex
	// refuse says how the nth request from the start on is refused: with which status, and for how many seconds the client
	// is asked to stay away (0: it is not told). Status 0: it is served.
	refuse func(n int, since time.Duration) (status, after int)

	began         time.Time
	asked         int
	refused       []time.Duration
	served        map[string]int
	servedAt      []time.Duration
	bodiesMissing int
}

// ServeHTTP implements http.Handler.
func (s *busy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := time.Since(s.began)
	s.asked++
	var pod corev1.Pod
	if err := json.NewDecoder(r.Body).Decode(&pod); err != nil {
		s.bodiesMissing++
	}
	w.Header().Set("Content-Type", "application/json")
	status, after := s.refuse(s.asked, since)
	if status == 0 {
		s.served[pod.Name]++
		s.servedAt = append(s.servedAt, since)
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(pod) // the client tells
		return
	}
	s.refused = append(s.refused, since)
	if after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(after))
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonTooManyRequests, Code: int32(status)}) //nolint:gosec // 429 or so
}

// serve has it answer a client that is paced as a Runtime's is, until the bubble ends.
func (s *busy) serve(t *testing.T) *kubernetes.Clientset {
	t.Helper()
	s.began, s.served = time.Now(), map[string]int{}
	listener := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	var transport http.RoundTripper
	client, err := kubernetes.NewForConfig(&rest.Config{
		Host: "http://cluster", Dial: listener.dial, QPS: 1000, Burst: 1000, ContentConfig: rest.ContentConfig{ContentType: "application/json"},
		WrapTransport: func(next http.RoundTripper) http.RoundTripper {
			transport = newPace(next, slog.New(slog.DiscardHandler))
			return transport
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		utilnet.CloseIdleConnectionsFor(transport)
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return client
}

func makePod(ctx context.Context, client kubernetes.Interface, name string) error {
	_, err := client.CoreV1().Pods("w").Create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	return err
}

// TestBusyAPIServer: as long as it refuses it is asked less and less often, by all callers together; then each request is
// served once.
func TestBusyAPIServer(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]int{"it says for how long": 1, "it says nothing": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const callers, refusing = 20, 2 * time.Minute
				s := &busy{refuse: func(_ int, since time.Duration) (int, int) {
					if since < refusing {
						return http.StatusTooManyRequests, after
					}
					return 0, 0
				}}
				client := s.serve(t)
				var all sync.WaitGroup
				for i := range callers {
					all.Go(func() {
						if err := makePod(t.Context(), client, "pod-"+strconv.Itoa(i)); err != nil {
							t.Errorf("caller %d: %v", i, err)
						}
					})
				}
				all.Wait()
				// All may be under way at the first refusal; then come 1, 2, 4, 8, 16, 30, 30 and 30 seconds, up to half longer.
				if most := callers + 9; len(s.refused) > most {
					t.Errorf("it refused %d times in %v, want %d at most: %v", len(s.refused), refusing, most, s.refused)
				}
				for i := callers; i < len(s.refused)-1; i++ {
					if gap := s.refused[i+1] - s.refused[i]; gap < 2*pauseLeast {
						t.Errorf("after trial %d the next one came after %v", i, gap)
					}
				}
				if last := s.servedAt[len(s.servedAt)-1]; last > refusing+2*pauseMost {
					t.Errorf("the last one was served after %v", last)
				}
				for i := range callers {
					if n := s.served["pod-"+strconv.Itoa(i)]; n != 1 {
						t.Errorf("pod %d was made %d times", i, n)
					}
				}
				if s.bodiesMissing > 0 {
					t.Errorf("%d requests came without their body", s.bodiesMissing)
				}
			})
		})
	}
}

// TestPauseIsEverybodys: one refusal keeps other requests back for as long as the server has asked for; who gives up
// meanwhile is not kept.
func TestPauseIsEverybodys(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		synctest.Test(t, func(t *testing.T) {
			const asked = 7
			s := &busy{refuse: func(n int, _ time.Duration) (int, int) {
				if n == 1 {
					return status, asked
				}
				return 0, 0
			}}
			client := s.serve(t)
			first := make(chan error, 1)
			go func() { first <- makePod(t.Context(), client, "first") }()
			synctest.Wait()
			impatient, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := makePod(impatient, client, "impatient"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("who waits for a second only is told %v", err)
			}
			if err := makePod(t.Context(), client, "second"); err != nil {
				t.Error(err)
			}
			if err := <-first; err != nil {
				t.Error(err)
			}
			for _, at := range s.servedAt {
				if at < asked*time.Second {
					t.Errorf("a request was sent %v after a refusal for %d s", at, asked)
				}
			}
			if len(s.served) != 2 || s.served["impatient"] != 0 {
				t.Errorf("served were %v", s.served)
			}
		})
	}
}

// TestTrialThatHangs holds nobody up for long.
func TestTrialThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(nil, slog.New(slog.DiscardHandler))
		p.refused(t.Context(), false, 0)
		began := time.Now()
		for range 2 {
			if trial, err := p.admit(t.Context()); err != nil || !trial {
				t.Fatalf("after a pause: a trial %v, %v", trial, err)
			}
		}
		if waited := time.Since(began); waited < trialTimeout || waited > trialTimeout+2*pauseLeast {
			t.Errorf("beside a trial without an answer the next came after %v", waited)
		}
	})
}

// TestGivenUp: what client-go gives up on is told as a cluster that does not answer.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &busy{refuse: func(int, time.Duration) (int, int) { return http.StatusTooManyRequests, 0 }}
		err := makePod(t.Context(), s.serve(t), "never")
		if !apierrors.IsTooManyRequests(err) {
			t.Fatalf("a server that always refuses: %v", err)
		}
		told, is := errors.AsType[*backend.Error](refused("make the pod", err))
		if !is || told.Code != backend.CodeUnavailable || told.Message != "the cluster does not answer; try again" {
			t.Errorf("it is told as %+v", told)
		}
		if s.asked > 12 {
			t.Errorf("it was asked %d times in %v", s.asked, time.Since(s.began))
		}
	})
}
