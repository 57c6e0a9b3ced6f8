package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// ended names a pod that has ended, or never began, for its deletion.
type ended struct {
	name string
	uid  types.UID
}

// observe starts the watches, and returns when all pods of now are known.
func (r *Runtime) observe(ctx context.Context) error {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel = cancel
	r.endedPods = workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[ended]())
	r.untoldPods = workqueue.NewTypedDelayingQueue[*corev1.Pod]()
	r.gatedPods = workqueue.NewTypedDelayingQueue[ended]()
	r.overduePods = workqueue.NewTypedDelayingQueue[ended]()

	pods := informers.NewSharedInformerFactoryWithOptions(r.client, 0, informers.WithNamespace(r.cfg.Namespace),
		informers.WithTransform(trim), informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = selector }))
	warnings := informers.NewSharedInformerFactoryWithOptions(r.client, 0, informers.WithNamespace(r.cfg.Namespace),
		informers.WithTransform(trim), informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.FieldSelector = "involvedObject.kind=Pod,type=Warning"
		}))
	podInformer, eventInformer := pods.Core().V1().Pods().Informer(), warnings.Core().V1().Events().Informer()
	failed := make(chan error, 1)
	complain := func(ctx context.Context, _ *cache.Reflector, err error) {
		r.cfg.Logger.WarnContext(ctx, "the watch on the cluster broke; it is begun again", "error", err)
		if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
			select {
			case failed <- err:
			default:
			}
		}
	}
	if err := errors.Join(podInformer.SetWatchErrorHandlerWithContext(complain), eventInformer.SetWatchErrorHandlerWithContext(complain)); err != nil {
		cancel()
		return fmt.Errorf("prepare the watch: %w", err)
	}
	handled, err := podInformer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { r.seen(o) },
		UpdateFunc: func(_, o any) { r.seen(o) },
		DeleteFunc: func(o any) {
			if unknown, ok := o.(cache.DeletedFinalStateUnknown); ok {
				o = unknown.Obj
			}
			if pod, ok := o.(*corev1.Pod); ok {
				r.registry.remove(pod)
			}
		},
	})
	if err != nil {
		cancel()
		return fmt.Errorf("prepare the watch on pods: %w", err)
	}
	_, err = eventInformer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { r.warned(o) },
		UpdateFunc: func(_, o any) { r.warned(o) },
	})
	if err != nil {
		cancel()
		return fmt.Errorf("prepare the watch on events: %w", err)
	}
	r.running.Go(func() { podInformer.RunWithContext(running) })
	r.running.Go(func() { eventInformer.RunWithContext(running) })
	r.running.Go(func() { r.sweep(running) })
	r.running.Go(func() { r.ask(running) })
	r.running.Go(func() { r.settle(running) })
	r.running.Go(func() { r.giveUp(running) })
	r.running.Go(func() {
		<-running.Done()
		r.endedPods.ShutDown()
		r.untoldPods.ShutDown()
		r.gatedPods.ShutDown()
		r.overduePods.ShutDown()
	})
	synced := make(chan bool, 1)
	go func() { synced <- cache.WaitForCacheSync(ctx.Done(), handled.HasSynced) }()
	select {
	case ok := <-synced:
		if ok {
			return nil
		}
		err = context.Cause(ctx)
	case err = <-failed:
	}
	r.Close()
	return fmt.Errorf("list the pods in namespace %s: %w", r.cfg.Namespace, err)
}

// trim drops what is never read from what is kept.
func trim(o any) (any, error) {
	if object, ok := o.(metav1.Object); ok {
		object.SetManagedFields(nil)
	}
	return o, nil
}

func (r *Runtime) seen(o any) {
	pod, ok := o.(*corev1.Pod)
	if !ok || sessionOf(pod) == "" && !pooled(pod) {
		return
	}
	if r.registry.apply(pod) {
		r.endedPods.Add(ended{pod.Name, pod.UID})
	}
	if gated(pod) && pod.DeletionTimestamp == nil {
		r.gatedPods.AddAfter(ended{pod.Name, pod.UID}, r.cfg.GateTimeout)
	}
	if at, ok := overdue(pod); ok {
		r.overduePods.AddAfter(ended{pod.Name, pod.UID}, time.Until(at))
	}
}

func (r *Runtime) warned(o any) {
	event, ok := o.(*corev1.Event)
	if !ok {
		return
	}
	if event.Reason == "Evicted" {
		r.registry.evicted(event.InvolvedObject.UID, podWords(event.Reason, event.Message))
		return
	}
	if words := eventWords(event.Reason, event.Message); words != "" {
		r.registry.note(event.InvolvedObject.UID, words)
	}
}

// sweep deletes ended pods; what fails is tried again, later each time.
func (r *Runtime) sweep(ctx context.Context) {
	for {
		pod, over := r.endedPods.Get()
		if over {
			return
		}
		if err := r.deletePod(ctx, pod.name, pod.uid, nil); err != nil && ctx.Err() == nil {
			r.cfg.Logger.WarnContext(ctx, "an ended pod cannot be deleted; it is tried again", "pod", pod.name, "error", err)
			r.endedPods.AddRateLimited(pod)
		} else {
			r.endedPods.Forget(pod)
		}
		r.endedPods.Done(pod)
	}
}

// ask asks for the pods that were made while the watch was broken, until it tells of them or they are gone.
func (r *Runtime) ask(ctx context.Context) {
	for {
		pod, over := r.untoldPods.Get()
		if over {
			return
		}
		if r.registry.untold(pod.UID) {
			now, err := r.client.CoreV1().Pods(r.cfg.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
			switch {
			case apierrors.IsNotFound(err):
				r.registry.remove(pod)
			case err == nil && r.registry.answered(now):
				r.endedPods.Add(ended{now.Name, now.UID})
			case err != nil && ctx.Err() == nil:
				r.cfg.Logger.WarnContext(ctx, "a pod that the watch does not tell of cannot be asked for; it is tried again", "pod", pod.Name, "error", err)
			}
			r.untoldPods.AddAfter(pod, tellTimeout)
		}
		r.untoldPods.Done(pod)
	}
}

// Close ends the watches. The pods go on.
func (r *Runtime) Close() {
	r.cancel()
	r.running.Wait()
}
