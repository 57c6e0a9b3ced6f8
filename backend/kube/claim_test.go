package kube

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"codingplatform/backend"
)

// TestClaimThatAnotherWon: the API server refuses the patch since a test in it fails, and what is done then depends on
// whose the pod is.
func TestClaimThatAnotherWon(t *testing.T) {
	mine, others := waitingPod("1"), waitingPod("1")
	mine.Labels, others.Labels = map[string]string{sessionLabel: "s"}, map[string]string{sessionLabel: "another"}
	renewed := waitingPod("2")
	renewed.Name = "pod-1"
	for name, test := range map[string]struct {
		now  *corev1.Pod
		want bool
	}{
		"by a start of the same session": {mine, true},
		"for another session":            {others, false},
		"another pod has the name":       {renewed, false},
		"it is gone":                     {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			var objects []runtime.Object
			if test.now != nil {
				objects = append(objects, test.now)
			}
			r, client := requester(objects...)
			client.PrependReactor("patch", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Pod").GroupKind(), "pod-1", nil)
			})
			pod, err := r.take(t.Context(), waitingPod("1"), backend.EnvironmentSpec{SessionID: "s"})
			if err != nil || (pod != nil) != test.want {
				t.Errorf("it is had %v, %v; want %v", pod != nil, err, test.want)
			}
		})
	}
}

// TestStartBesideAnother finds the session's Secret, whose pod is in some stage of being claimed.
func TestStartBesideAnother(t *testing.T) {
	others := waitingPod("1")
	others.Labels = map[string]string{appLabel: appValue, sessionLabel: "another"}
	for name, test := range map[string]struct {
		pod *corev1.Pod
		// want says that the session gets the pod; otherwise the Secret is of no use and goes, and the pod is left alone.
		want bool
	}{
		"its maker did not come to take the pod": {waitingPod("1"), true},
		"another session got the pod":            {others, false},
	} {
		t.Run(name, func(t *testing.T) {
			r, client := requester(test.pod, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
				Name: "session-s", Namespace: "w", OwnerReferences: []metav1.OwnerReference{{Name: "pod-1", UID: "1"}},
			}})
			pod, err := r.other(t.Context(), backend.EnvironmentSpec{SessionID: "s", Env: map[string]string{"A": "b"}})
			if err != nil || (pod != nil) != test.want {
				t.Fatalf("the session has a pod: %v, %v; want %v", pod != nil, err, test.want)
			}
			if test.want {
				if env, err := envOf(pod); sessionOf(pod) != "s" || pooled(pod) || err != nil || len(env) != 1 || env[0] != "A=b" {
					t.Errorf("it is %v with %v, %v", pod.Labels, env, err)
				}
			}
			_, err = client.CoreV1().Secrets("w").Get(t.Context(), "session-s", metav1.GetOptions{})
			if apierrors.IsNotFound(err) == test.want {
				t.Errorf("the Secret: %v", err)
			}
			if left, err := client.CoreV1().Pods("w").Get(t.Context(), "pod-1", metav1.GetOptions{}); err != nil || !test.want && sessionOf(left) != "another" {
				t.Errorf("the pod: %v, %v", left.Labels, err)
			}
		})
	}
}
