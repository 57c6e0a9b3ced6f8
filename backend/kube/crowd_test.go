//go:build cluster

package kube_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"codingplatform/agent"
	"codingplatform/agent/filesrpc"
	"codingplatform/agent/identity"
	"codingplatform/agent/sysinfo"
)

// crowd is a node that is none: the pods that the scheduler gives it are agents in this process, without containers,
// each at a loopback address of its own. To the API server it is a node as others are.
type crowd struct {
	p    place
	name string
	dir  string
	ctx  context.Context //nolint:containedctx // that of the whole node

	mu     sync.Mutex
	next   int
	agents map[types.UID]*crowdAgent
	all    sync.WaitGroup
	errs   []error
}

type crowdAgent struct {
	stop context.CancelFunc
	done chan struct{}
}

// newCrowd makes the node, and has all pods of the test come to it until the test ends.
func newCrowd(tb testing.TB, p place) *crowd {
	tb.Helper()
	if _, err := sysinfo.HandleIgnoredSignals(); err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	c := &crowd{p: p, name: "crowd", dir: tb.TempDir(), ctx: ctx, agents: map[types.UID]*crowdAgent{}}
	// A run that was broken off may have left it.
	if err := p.client.CoreV1().Nodes().Delete(ctx, c.name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		tb.Fatal(err)
	}
	nodes, err := p.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range nodes.Items {
		c.cordon(tb, nodes.Items[i].Name, true)
		tb.Cleanup(func() { c.cordon(tb, nodes.Items[i].Name, false) })
	}
	room := corev1.ResourceList{"cpu": resource.MustParse("10000"), "memory": resource.MustParse("10Ti"), "pods": resource.MustParse("10000")}
	if _, err := p.client.CoreV1().Nodes().Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: c.name}}, metav1.CreateOptions{}); err != nil {
		tb.Fatal(err)
	}
	now := metav1.Now()
	status, err := json.Marshal(map[string]corev1.NodeStatus{"status": {Capacity: room, Allocatable: room, Conditions: []corev1.NodeCondition{
		{Type: corev1.NodeReady, Status: corev1.ConditionTrue, LastHeartbeatTime: now, LastTransitionTime: now, Reason: "Crowd"},
	}}})
	if err != nil {
		tb.Fatal(err)
	}
	// The controllers write to it too: a patch, which meets no other.
	if _, err := p.client.CoreV1().Nodes().Patch(ctx, c.name, types.MergePatchType, status, metav1.PatchOptions{}, "status"); err != nil {
		tb.Fatal(err)
	}
	c.all.Go(func() { c.live(tb) })
	factory := informers.NewSharedInformerFactoryWithOptions(p.client, 0, informers.WithNamespace(p.namespace), informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", c.name).String()
	}))
	pods := factory.Core().V1().Pods().Informer()
	if _, err := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: c.see, UpdateFunc: func(_, o any) { c.see(o) }, DeleteFunc: func(any) {},
	}); err != nil {
		tb.Fatal(err)
	}
	c.all.Go(func() { pods.RunWithContext(ctx) })
	tb.Cleanup(func() {
		c.mu.Lock()
		agents := c.agents
		c.mu.Unlock()
		for _, a := range agents {
			a.stop()
			<-a.done
		}
		stop()
		c.all.Wait()
		if err := errors.Join(c.errs...); err != nil {
			tb.Error(err)
		}
		if err := p.client.CoreV1().Nodes().Delete(context.WithoutCancel(tb.Context()), c.name, metav1.DeleteOptions{}); err != nil {
			tb.Error(err)
		}
	})
	return c
}

func (c *crowd) cordon(tb testing.TB, node string, closed bool) {
	tb.Helper()
	patch := fmt.Appendf(nil, `{"spec":{"unschedulable":%v}}`, closed)
	if _, err := c.p.client.CoreV1().Nodes().Patch(context.WithoutCancel(c.ctx), node, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		tb.Error(err)
	}
}

// live renews the node's lease: the controllers give its pods up where it does not.
func (c *crowd) live(tb testing.TB) {
	tb.Helper()
	leases := c.p.client.CoordinationV1().Leases("kube-node-lease")
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	seconds := int32(40)
	for {
		now := metav1.NowMicro()
		spec := coordinationv1.LeaseSpec{HolderIdentity: &c.name, LeaseDurationSeconds: &seconds, RenewTime: &now}
		lease, err := leases.Get(c.ctx, c.name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			_, err = leases.Create(c.ctx, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: c.name}, Spec: spec}, metav1.CreateOptions{})
		case err == nil:
			lease.Spec = spec
			_, err = leases.Update(c.ctx, lease, metav1.UpdateOptions{})
		}
		if err != nil && c.ctx.Err() == nil {
			c.fail(fmt.Errorf("renew the node's lease: %w", err))
		}
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (c *crowd) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs = append(c.errs, err)
}

// see starts a pod's agent, or ends it.
func (c *crowd) see(o any) {
	pod, is := o.(*corev1.Pod)
	if !is {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a, known := c.agents[pod.UID]
	switch {
	case pod.DeletionTimestamp != nil:
		delete(c.agents, pod.UID)
		c.all.Go(func() {
			if known {
				a.stop()
				<-a.done
			}
			now := int64(0)
			err := c.p.client.CoreV1().Pods(pod.Namespace).Delete(c.ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now, Preconditions: &metav1.Preconditions{UID: &pod.UID}})
			if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) && c.ctx.Err() == nil {
				c.fail(err)
			}
		})
	case !known:
		ctx, stop := context.WithCancel(c.ctx)
		c.next++
		// 127.1.0.1 and on.
		address := fmt.Sprintf("127.%d.%d.%d", 1+c.next/62500, c.next/250%250, 1+c.next%250)
		a := &crowdAgent{stop: stop, done: make(chan struct{})}
		c.agents[pod.UID] = a
		c.all.Go(func() {
			defer close(a.done)
			defer stop()
			if err := c.run(ctx, pod, address); err != nil && ctx.Err() == nil {
				c.fail(fmt.Errorf("the agent of pod %s: %w", pod.Name, err))
			}
		})
	}
}

// run is a pod's agent, as cmd/agent makes it.
func (c *crowd) run(ctx context.Context, pod *corev1.Pod, address string) error {
	secret, err := c.p.client.CoreV1().Secrets(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	id, err := identity.Parse(secret.Data["identity.json"])
	if err != nil {
		return err
	}
	dir := filepath.Join(c.dir, pod.Name)
	defer func() { _ = os.RemoveAll(dir) }() // so is all of it at the end
	if err := os.MkdirAll(filepath.Join(dir, "app"), 0o755); err != nil {
		return err
	}
	root, state, incarnation, logger := filepath.Join(dir, "app"), filepath.Join(dir, "state"), agent.NewIncarnation(), slog.New(slog.DiscardHandler)
	files, err := filesrpc.New(filesrpc.Config{
		Root: root, State: state, Logger: logger, Incarnation: incarnation, SessionID: id.SessionID, EnvironmentID: id.EnvironmentID,
	})
	if err != nil {
		return err
	}
	server, err := agent.New(agent.Options{Logger: logger, Identity: id, Version: "crowd", Incarnation: incarnation, Root: root, State: state, Files: files})
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address+":8443")
	if err != nil {
		return err
	}
	now := metav1.Now()
	patch, err := json.Marshal(map[string]corev1.PodStatus{"status": {
		Phase: corev1.PodRunning, PodIP: address, PodIPs: []corev1.PodIP{{IP: address}}, HostIP: "127.0.0.1", StartTime: &now,
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: now}},
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: pod.Spec.Containers[0].Name, Ready: true, Image: pod.Spec.Containers[0].Image, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		}},
	}})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	c.all.Go(func() {
		_, err := c.p.client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
		if err != nil && ctx.Err() == nil && !apierrors.IsNotFound(err) {
			c.fail(fmt.Errorf("tell of pod %s: %w", pod.Name, err))
		}
	})
	return server.Run(ctx, listener, nil)
}
