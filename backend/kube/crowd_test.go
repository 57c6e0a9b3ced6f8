//go:build cluster

package kube_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"

	"codingplatform/agent"
	"codingplatform/agent/filesrpc"
	"codingplatform/agent/identity"
	"codingplatform/agent/reap"
	"codingplatform/agent/sysinfo"
)

// crowdVariable has the test's own program be a node of a crowd: its number, the namespace of its pods and its
// directory, as JSON.
const crowdVariable = "KUBE_TEST_CROWD"

// crowdCPU is what a pod must ask for that is to come to a crowd: no real node has as much.
const crowdCPU = "1000"

// crowdPrefix begins the names of a crowd's nodes.
const crowdPrefix = "crowd-"

func TestMain(m *testing.M) {
	spec := os.Getenv(crowdVariable)
	code, err := 0, error(nil)
	switch {
	case spec == "":
		code = m.Run()
	case os.Getpid() == 1:
		code, err = crowdInit()
	default:
		err = crowdMain(spec)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "crowd:", err)
		code = 1
	}
	os.Exit(code)
}

// crowdInit is process 1 of a node's namespace. Each agent reads /proc for what its terminals have running, and finds
// there the programs of its own node alone.
func crowdInit() (code int, err error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return 0, fmt.Errorf("keep the node's mounts to itself: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return 0, fmt.Errorf("mount the node's /proc: %w", err)
	}
	return reap.Init(slog.New(slog.DiscardHandler), []string{"/proc/self/exe"}, os.Environ())
}

// crowd is a node that is none: the pods that the scheduler gives it are agents in this process, without containers,
// each at a loopback address of its own. To the API server it is a node as others are. It is a process of its own, in a PID
// namespace of its own: what an agent does costs more the more processes there are beside it.
type crowd struct {
	Number         int
	Namespace, Dir string

	client *kubernetes.Clientset
	name   string
	ctx    context.Context //nolint:containedctx // that of the whole node

	mu     sync.Mutex
	next   int
	agents map[types.UID]*crowdAgent
	all    sync.WaitGroup
	errs   []error

	usage   sysinfo.Usage
	usageAt time.Time
}

type crowdAgent struct {
	stop context.CancelFunc
	done chan struct{}
}

// newCrowd starts n nodes, 60 at most, for the pods of the place that ask for crowdCPU, until the test ends; it returns
// their processes when all are nodes.
func newCrowd(tb testing.TB, p place, n int) (pids []int) {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	p.forgetCrowd(tb)
	pids = make([]int, n)
	dir := tb.TempDir()
	for i := range n {
		spec, err := json.Marshal(&crowd{Number: i, Namespace: p.namespace, Dir: filepath.Join(dir, strconv.Itoa(i))})
		if err != nil {
			tb.Fatal(err)
		}
		// Not with the test's context: it is told to end, and takes its node with it.
		cmd := exec.Command(self)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
		cmd.Env = append(os.Environ(), crowdVariable+"="+string(spec))
		var words bytes.Buffer
		cmd.Stderr = &words
		in, err := cmd.StdinPipe()
		if err != nil {
			tb.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			tb.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			tb.Fatal(err)
		}
		said := bufio.NewReader(out)
		tb.Cleanup(func() {
			_ = in.Close() // it may have ended
			if _, err := io.Copy(io.Discard, said); err != nil {
				tb.Error(err)
			}
			if err := cmd.Wait(); err != nil {
				tb.Errorf("node %d of the crowd: %v: %s", i, err, words.String())
			}
		})
		if line, err := said.ReadString('\n'); err != nil {
			tb.Fatalf("node %d of the crowd says %q, %v", i, line, err)
		}
		pids[i] = onlyChild(tb, cmd.Process.Pid)
	}
	return pids
}

// forgetCrowd removes the nodes that a run which was broken off has left. From a cluster that hears of most of its nodes no
// more, nothing is evicted.
func (p place) forgetCrowd(tb testing.TB) {
	tb.Helper()
	nodes, err := p.client.CoreV1().Nodes().List(tb.Context(), metav1.ListOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	for _, node := range nodes.Items {
		if !strings.HasPrefix(node.Name, crowdPrefix) {
			continue
		}
		if err := p.client.CoreV1().Nodes().Delete(tb.Context(), node.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			tb.Fatal(err)
		}
	}
}

// onlyChild is the process that the init of a namespace has started.
func onlyChild(tb testing.TB, pid int) int {
	tb.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		tb.Fatal(err)
	}
	var children []string
	for _, thread := range threads {
		content, err := os.ReadFile(thread)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			tb.Fatal(err)
		}
		children = append(children, strings.Fields(string(content))...)
	}
	if len(children) != 1 {
		tb.Fatalf("process %d has the children %q, want one", pid, children)
	}
	child, err := strconv.Atoi(children[0])
	if err != nil {
		tb.Fatal(err)
	}
	return child
}

// crowdMain is a node's process, until its standard input ends.
func crowdMain(spec string) error {
	c := &crowd{agents: map[types.UID]*crowdAgent{}}
	if err := json.Unmarshal([]byte(spec), c); err != nil {
		return err
	}
	c.name = crowdPrefix + strconv.Itoa(c.Number)
	if _, err := sysinfo.HandleIgnoredSignals(); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("CLUSTER_KUBECONFIG"))
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 1000, 2000
	if c.client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	c.ctx = ctx
	if err := c.join(ctx); err != nil {
		return err
	}
	if err := c.watch(ctx); err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	stop()
	c.all.Wait()
	c.fail(c.client.CoreV1().Nodes().Delete(context.WithoutCancel(ctx), c.name, metav1.DeleteOptions{}))
	return errors.Join(c.errs...)
}

// join makes the node.
func (c *crowd) join(ctx context.Context) error {
	room := corev1.ResourceList{"cpu": resource.MustParse("100M"), "memory": resource.MustParse("10Ti"), "pods": resource.MustParse("100k")}
	if _, err := c.client.CoreV1().Nodes().Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: c.name}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	now := metav1.Now()
	status, err := json.Marshal(map[string]corev1.NodeStatus{"status": {Capacity: room, Allocatable: room, Conditions: []corev1.NodeCondition{
		{Type: corev1.NodeReady, Status: corev1.ConditionTrue, LastHeartbeatTime: now, LastTransitionTime: now, Reason: "Crowd"},
	}}})
	if err != nil {
		return err
	}
	// The controllers write to it too: a patch, which meets no other.
	if _, err := c.client.CoreV1().Nodes().Patch(ctx, c.name, types.MergePatchType, status, metav1.PatchOptions{}, "status"); err != nil {
		return err
	}
	c.all.Go(c.live)
	return nil
}

// watch has agents run for the node's pods.
func (c *crowd) watch(ctx context.Context) error {
	factory := informers.NewSharedInformerFactoryWithOptions(c.client, 0, informers.WithNamespace(c.Namespace), informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", c.name).String()
	}))
	pods := factory.Core().V1().Pods().Informer()
	if _, err := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: c.see, UpdateFunc: func(_, o any) { c.see(o) }, DeleteFunc: c.gone,
	}); err != nil {
		return err
	}
	c.all.Go(func() { pods.RunWithContext(ctx) })
	return nil
}

// live renews the node's lease: the controllers give its pods up where it does not.
func (c *crowd) live() {
	leases := c.client.CoordinationV1().Leases("kube-node-lease")
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
		if err != nil && !apierrors.IsConflict(err) {
			c.fail(fmt.Errorf("renew the node's lease: %w", err))
		}
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// fail notes what went wrong, but for what comes of the end.
func (c *crowd) fail(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
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
			err := c.client.CoreV1().Pods(pod.Namespace).Delete(c.ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now, Preconditions: &metav1.Preconditions{UID: &pod.UID}})
			if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
				c.fail(err)
			}
		})
	case !known:
		ctx, stop := context.WithCancel(c.ctx)
		// 127.1.0.1 and on, 127.5.0.1 and on: 250,000 each.
		address := fmt.Sprintf("127.%d.%d.%d", 1+4*c.Number+c.next/62500, c.next/250%250, 1+c.next%250)
		c.next++
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

// gone ends the agent of a pod that was deleted with no grace.
func (c *crowd) gone(o any) {
	pod, is := o.(*corev1.Pod)
	if !is {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, known := c.agents[pod.UID]; known {
		delete(c.agents, pod.UID)
		a.stop()
	}
}

// programs is what the programs of all of the node's agents use, looked at for all of them together: each finds in a pod
// its own programs alone.
func (c *crowd) programs() (usage sysinfo.Usage, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.usageAt) > 5*time.Second {
		if c.usage, err = sysinfo.UserUsage(os.Getpid()); err != nil {
			return usage, err
		}
		c.usageAt = now
	}
	return c.usage, nil
}

// run is a pod's agent, as cmd/agent makes it.
func (c *crowd) run(ctx context.Context, pod *corev1.Pod, address string) error {
	secret, err := c.client.CoreV1().Secrets(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	id, err := identity.Parse(secret.Data["identity.json"])
	if err != nil {
		return err
	}
	dir := filepath.Join(c.Dir, pod.Name)
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
	server, err := agent.New(agent.Options{
		Logger: logger, Identity: id, Version: "crowd", Incarnation: incarnation, Root: root, State: state, Files: files, Usage: c.programs,
	})
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
		_, err := c.client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
		if err != nil && ctx.Err() == nil && !apierrors.IsNotFound(err) {
			c.fail(fmt.Errorf("tell of pod %s: %w", pod.Name, err))
		}
	})
	return server.Run(ctx, listener, nil)
}

// kernelLimit has the machine allow as much of something as the test needs, and puts it back at the end.
func kernelLimit(tb testing.TB, name string, least int) {
	tb.Helper()
	path := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
	content, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	now, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		tb.Fatalf("%s holds %q", path, content)
	}
	if now >= least {
		return
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(least)), 0o644); err != nil {
		tb.Fatalf("this machine allows too little: as root, sysctl %s=%d (it is %d): %v", name, least, now, err)
	}
	tb.Cleanup(func() {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			tb.Error(err)
		}
	})
}
