// Command provisioner makes volumes for the claims of the cluster's one node, and deletes those that are released:
// directories below -dir. A class of volumes named "local", the default one, is its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	className = "local"
	driver    = "coding-platform/local"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "how the API server is reached")
	dir := flag.String("dir", "", "directory of the volumes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kubeconfig, *dir); err != nil {
		slog.Error("the provisioner ended", "error", err)
		os.Exit(1)
	}
}

type provisioner struct {
	client kubernetes.Interface
	dir    string
}

func run(ctx context.Context, kubeconfig, dir string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	p := &provisioner{client, dir}
	policy := corev1.PersistentVolumeReclaimDelete
	_, err = client.StorageV1().StorageClasses().Create(ctx, &storagev1.StorageClass{
		ObjectMeta:  metav1.ObjectMeta{Name: className, Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}},
		Provisioner: driver, ReclaimPolicy: &policy,
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make the class of volumes: %w", err)
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	claims := factory.Core().V1().PersistentVolumeClaims().Informer()
	volumes := factory.Core().V1().PersistentVolumes().Informer()
	report := func(what string, err error) {
		if err != nil && ctx.Err() == nil {
			slog.Error(what, "error", err)
		}
	}
	if _, err := claims.AddEventHandler(handler(func(claim *corev1.PersistentVolumeClaim) { report("a volume cannot be made", p.provide(ctx, claim)) })); err != nil {
		return err
	}
	if _, err := volumes.AddEventHandler(handler(func(volume *corev1.PersistentVolume) { report("a volume cannot be deleted", p.reclaim(ctx, volume)) })); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	<-ctx.Done()
	factory.Shutdown()
	return nil
}

func handler[T any](fn func(T)) cache.ResourceEventHandler {
	take := func(o any) {
		if object, ok := o.(T); ok {
			fn(object)
		}
	}
	return cache.ResourceEventHandlerFuncs{AddFunc: take, UpdateFunc: func(_, o any) { take(o) }}
}

// provide makes the volume that a claim waits for.
func (p *provisioner) provide(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	class := claim.Spec.StorageClassName
	if claim.Status.Phase != corev1.ClaimPending || claim.Spec.VolumeName != "" || class == nil || *class != className || claim.DeletionTimestamp != nil {
		return nil
	}
	name := "pv-" + string(claim.UID)
	path := filepath.Join(p.dir, name)
	if err := errors.Join(os.MkdirAll(path, 0o777), os.Chmod(path, 0o777)); err != nil {
		return err
	}
	_, err := p.client.CoreV1().PersistentVolumes().Create(ctx, &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{"pv.kubernetes.io/provisioned-by": driver}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: claim.Spec.Resources.Requests, AccessModes: claim.Spec.AccessModes,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete, StorageClassName: className,
			PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path}},
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
		},
	}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// reclaim deletes a volume whose claim is gone.
func (p *provisioner) reclaim(ctx context.Context, volume *corev1.PersistentVolume) error {
	if volume.Status.Phase != corev1.VolumeReleased || volume.Spec.StorageClassName != className || volume.Spec.HostPath == nil {
		return nil
	}
	path := filepath.Clean(volume.Spec.HostPath.Path)
	if !strings.HasPrefix(path, p.dir+"/pv-") {
		return fmt.Errorf("volume %s is at %s, outside of %s", volume.Name, path, p.dir)
	}
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	err := p.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
