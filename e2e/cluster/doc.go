// Command cluster runs a real Kubernetes on this machine, with no Docker and no registry:
//
//	cluster up           start it, or what is not running of it; returns when its node is ready
//	cluster load FILE…   import images (OCI or Docker archives) into its node
//	cluster tag IMAGE NAME   give an image that is there another name, too
//	cluster kubectl …    kubectl, as the cluster's administrator
//	cluster down         stop it; --purge deletes its data too
//
// The control plane is one binary (./kubernetes); containerd, runc and the network plugins are the machine's.
// Everything is in a network namespace of its own, joined to the machine by one pair of interfaces, with no way
// out; in control groups below one root; and in one directory. Processes are stopped by the PIDs in those
// control groups, so that nothing of theirs is left, containers included.
//
// It must run as root: containers need it.
package main
