package kube

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"time"

	"connectrpc.com/connect"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	agentv1 "codingplatform/proto/gen/agent/v1"
	"codingplatform/proto/gen/agent/v1/agentv1connect"
)

// errOthers says that another start has the session.
var errOthers = errors.New("another start has the session")

// deliverTimeout bounds the call that hands an agent its session.
const deliverTimeout = 10 * time.Second

// fromPool takes a pod of the pool for the session; nil, and why there is none in words.
func (r *Runtime) fromPool(ctx context.Context, spec backend.EnvironmentSpec) (pod *corev1.Pod, why string, err error) {
	switch {
	case r.cfg.Volume == VolumeClaim:
		return nil, "the session has a volume of its own", nil
	case r.cfg.Pool.Max == 0:
		return nil, "no pods are kept ready", nil
	}
	for {
		candidate, why := r.registry.reserve(r.template)
		if candidate == nil {
			return nil, why, nil
		}
		claimed, err := r.claimSession(ctx, spec.SessionID, candidate)
		if err == nil && !claimed {
			err = errOthers
		}
		if err != nil {
			r.registry.unreserve(candidate.UID)
			return nil, "", err
		}
		pod, err := r.take(ctx, candidate, spec)
		if err == nil && pod != nil {
			return pod, "", nil
		}
		if err != nil {
			r.registry.unreserve(candidate.UID)
		}
		// One that another took stays reserved until the watch tells so.
		// Also when nobody waits any more: the next start would look at a pod that is not the session's.
		if rerr := r.releaseSecret(context.WithoutCancel(ctx), spec.SessionID, candidate.UID); rerr != nil {
			err = errors.Join(err, rerr)
		}
		if err != nil {
			return nil, "", err
		}
	}
}

// operation is one of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// take makes a pod of the pool the session's, which exactly one session can; nil when another has got it, or it is
// gone.
func (r *Runtime) take(ctx context.Context, pod *corev1.Pod, spec backend.EnvironmentSpec) (*corev1.Pod, error) {
	env, err := json.Marshal(spec.Env)
	if err != nil {
		return nil, fmt.Errorf("write the environment of users' programs: %w", err)
	}
	patch, err := json.Marshal([]operation{
		{"test", "/metadata/uid", pod.UID},
		{"test", "/metadata/labels/coding-platform~1pool", pod.Labels[poolLabel]},
		{"remove", "/metadata/labels/coding-platform~1pool", nil},
		{"add", "/metadata/labels/coding-platform~1session", spec.SessionID},
		{"add", "/metadata/annotations", map[string]string{
			strategyNote: backend.StrategyWarm, claimedNote: time.Now().UTC().Format(time.RFC3339Nano), envNote: string(env),
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("write the claim on a pod: %w", err)
	}
	pods := r.client.CoreV1().Pods(r.cfg.Namespace)
	taken, err := pods.Patch(ctx, pod.Name, types.JSONPatchType, patch, metav1.PatchOptions{})
	if err == nil {
		return taken, nil
	}
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // gone is no error here, and there is no pod
	}
	if !apierrors.IsInvalid(err) && !apierrors.IsConflict(err) {
		return nil, refused("take a pod that is ready", err)
	}
	// A test failed: whose is it now?
	now, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil //nolint:nilnil // as above
	case err != nil:
		return nil, refused("look at a pod that was ready", err)
	case now.UID == pod.UID && sessionOf(now) == spec.SessionID && now.DeletionTimestamp == nil:
		return now, nil
	}
	return nil, nil //nolint:nilnil // as above
}

// wasPooled says whether a pod was one of the pool, whose agent gets its session by a call.
func wasPooled(pod *corev1.Pod) bool { return pod.Annotations[claimedNote] != "" }

// deliver hands the agent of a claimed pod its session, unless it has it already. Whoever dials it first does, since
// who claimed the pod may have died.
func (r *Runtime) deliver(ctx context.Context, pod *corev1.Pod) error {
	// All who dial it wait for the one call, so it must not end with the first one's context.
	lasting := context.WithoutCancel(ctx)
	_, err, _ := r.delivering.Do(string(pod.UID), func() (any, error) {
		if r.registry.delivered(pod.UID) {
			return nil, nil //nolint:nilnil // there is nothing to return
		}
		calling, cancel := context.WithTimeout(lasting, deliverTimeout)
		defer cancel()
		if err := r.callClaim(calling, pod); err != nil {
			return nil, backend.Errorf(backend.CodeUnavailable, "hand the agent its session: %w", err)
		}
		r.registry.deliver(pod.UID)
		return nil, nil //nolint:nilnil // as above
	})
	return err
}

func (r *Runtime) callClaim(ctx context.Context, pod *corev1.Pod) error {
	session, id := sessionOf(pod), backend.EnvironmentID(pod.UID)
	config, err := r.cfg.Identity.ClaimConfig(session, id)
	if err != nil {
		return err
	}
	raw, err := dial(ctx, pod)
	if err != nil {
		return err
	}
	conn := tls.Client(raw, config)
	defer func() { _ = conn.Close() }() // the agent closes it too
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	if !r.cfg.Identity.Unclaimed(conn.ConnectionState(), id) {
		return nil // another backend was here
	}
	identity, err := r.cfg.Identity.IssueAgent(session, id)
	if err != nil {
		return err
	}
	env, err := envOf(pod)
	if err != nil {
		return err
	}
	transport := &http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	defer transport.CloseIdleConnections()
	client := agentv1connect.NewClaimServiceClient(&http.Client{Transport: transport}, "https://agent")
	_, err = client.Claim(ctx, connect.NewRequest(&agentv1.ClaimRequest{
		MinProtocol: agentconn.OldestProtocol, MaxProtocol: agentconn.NewestProtocol,
		Identity: identity, Env: env, Replica: r.cfg.Replica,
	}))
	return err
}

// envOf is what users' programs have in their environment besides, as "KEY=value".
func envOf(pod *corev1.Pod) ([]string, error) {
	note := pod.Annotations[envNote]
	if note == "" {
		return nil, nil
	}
	var env map[string]string
	if err := json.Unmarshal([]byte(note), &env); err != nil {
		return nil, fmt.Errorf("read the environment of users' programs: %w", err)
	}
	list := make([]string, 0, len(env))
	for key, value := range env {
		list = append(list, key+"="+value)
	}
	slices.Sort(list)
	return list, nil
}

// reserve returns a pod of the pool that is ready, by that template, and that no other start of this process is about
// to take; nil, and why there is none. Which one is left to chance, so that replicas seldom reach for the same.
func (g *registry) reserve(template string) (pod *corev1.Pod, why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var free []*entry
	starting, other := 0, 0
	for _, e := range g.sessions[""] {
		switch {
		case !pooled(e.pod) || e.reserved || e.pod.DeletionTimestamp != nil || e.state.phase == backend.EnvironmentEnded:
		case e.pod.Labels[poolLabel] != template:
			other++
		case !ready(e.pod) || e.pod.Status.PodIP == "":
			starting++
		default:
			free = append(free, e)
		}
	}
	switch {
	case len(free) > 0:
		e := free[rand.IntN(len(free))]
		e.reserved = true
		return e.pod, ""
	case starting > 0:
		return nil, "the pods that are kept ready are still starting"
	case other > 0:
		return nil, "the pods that are kept ready are of another image or other settings"
	}
	return nil, "all pods that were kept ready are taken"
}

// unreserve leaves a pod to others.
func (g *registry) unreserve(uid types.UID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e, known := g.entries[uid]; known {
		e.reserved = false
	}
}

func (g *registry) delivered(uid types.UID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	e, known := g.entries[uid]
	return known && e.delivered
}

func (g *registry) deliver(uid types.UID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e, known := g.entries[uid]; known {
		e.delivered = true
	}
}
