package kube

import corev1 "k8s.io/api/core/v1"

// Form is what the pods of a configuration are made by.
func Form(c Config) corev1.PodSpec { return c.pod("form", c.emptyDir(), nil).Spec }
