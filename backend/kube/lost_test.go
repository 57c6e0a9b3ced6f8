package kube

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestOverdue: only what is being deleted, and has no volume that stays, is ever given up.
func TestOverdue(t *testing.T) {
	end := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	claimed := corev1.Volume{VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "session-s"}}}
	empty := corev1.Volume{VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
	for name, test := range map[string]struct {
		deleted *metav1.Time
		volumes []corev1.Volume
		want    bool
	}{
		"it goes on":                  {volumes: []corev1.Volume{empty}},
		"it ends with its volume":     {&end, []corev1.Volume{empty}, true},
		"its volume is the session's": {&end, []corev1.Volume{empty, claimed}, false},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: test.deleted}, Spec: corev1.PodSpec{Volumes: test.volumes}}
			at, ok := overdue(pod)
			if ok != test.want || ok && !at.Equal(end.Add(confirmTimeout)) {
				t.Errorf("overdue: %v, %v; want %v", at, ok, test.want)
			}
		})
	}
}
