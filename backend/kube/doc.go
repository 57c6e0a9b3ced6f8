// Package kube runs environments as pods. It is the second implementation of backend.Runtime; package
// runtimetest holds both to the same contract.
//
// An environment is one pod in the workspaces' namespace, named pod-{random}, labelled app=code-execution and with
// its session; the environment's ID is the pod's UID. What is known of pods comes from one watch on that label:
// nothing is asked for again and again.
//
// # Starting
//
// A pod is created behind a scheduling gate, so that it has a UID and does not run. Then two Secrets are created, owned
// by the pod: one of its name, with the agent's identity for exactly that session and UID, and session-{session}, which
// is empty and says that the pod has the session. There is one such name, so that of several replicas that start a
// session at once one gets it; the others delete their pods, which never ran. At last the gate is taken away. Whoever
// finds session-{session} with a pod that still has its gate (its maker died) takes the gate away in its stead. A pod
// whose gate is there for longer than Config.GateTimeout is settled so by any replica: it starts when the session's
// Secret is its own, and is deleted when not.
//
// # The pool
//
// Where pods have no claims, some are kept that wait for sessions (Config.Pool): made as others are, but labelled with
// the pool and their template instead of a session, with an identity that names the pod alone (a Secret of the pod's
// own name). They know nothing of anybody, and their agents serve nothing but a claim.
//
//	Secret session-{session}, owned by a pod that is ready  ──▶  the session has that pod, and no other
//	JSON patch that tests UID and pool label, and changes the label  ──▶  the pod is the session's, and no other's
//	first Dial: the agent is handed the session's identity  ──▶  it is served as any other
//
// A start that dies after the first step leaves a Secret whose pod still waits: the session's next start takes the
// pod in its stead. After the second, whichever backend dials the agent first hands it its session. A pod that was
// claimed never goes back. Who finds no pod ready makes one as described above; the annotation
// coding-platform/strategy says which way was taken and why.
//
// One replica at a time (backend.Tender) keeps the pool to its number, which follows demand, and deletes pods of
// another image or other settings. A replica takes pods of its own template only, so that during an upgrade each
// session gets the image of the backend that started it; sessions that run keep theirs until they stop.
//
// # Ending
//
// A pod never starts again. One that ended, or cannot start for a reason that waiting does not mend, is reported
// with that reason in words and deleted, by whichever replica sees it first. The garbage collector takes the
// Secret after its pod. The volume, where it is a claim, stays until Remove.
//
// # Requests
//
// Config.REST bounds how many are made. An API server that says that it has too much to do (429, or 5xx with
// Retry-After) is left alone by the whole process, for longer each time; then one request is sent to try, and the rest
// follow when that is served (pace.go). What a start waits for is not shown as failed before client-go gives up.
package kube
