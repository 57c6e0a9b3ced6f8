// Package kube runs environments as pods. It is the second implementation of backend.Runtime; package
// runtimetest holds both to the same contract.
//
// An environment is one pod in the workspaces' namespace, named pod-{random}, labelled app=code-execution and with
// its session; the environment's ID is the pod's UID. What is known of pods comes from one watch on that label:
// nothing is asked for again and again.
//
// # Starting
//
// A pod is created behind a scheduling gate, so that it has a UID and does not run. Then the Secret
// session-{session} is created, owned by the pod, with the agent's identity for exactly that session and UID.
// There is one such name, so that of several replicas that start a session at once one gets it; the others delete
// their pods, which never ran. At last the gate is taken away. Whoever finds a Secret whose pod still has its gate
// (its maker died) takes the gate away in its stead. A pod whose gate is there for longer than Config.GateTimeout is settled so by
// any replica: it starts when the session's Secret is its own, and is deleted when not.
//
// # Ending
//
// A pod never starts again. One that ended, or cannot start for a reason that waiting does not mend, is reported
// with that reason in words and deleted, by whichever replica sees it first. The garbage collector takes the
// Secret after its pod. The volume, where it is a claim, stays until Remove.
package kube
