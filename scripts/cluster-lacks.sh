#!/usr/bin/env bash
# Prints what this machine lacks for a cluster of its own (`make cluster-up`), in words; nothing when it lacks nothing.
# CLUSTER_BY, in seconds since 1970: the moment after which there is no time left for it.
set -euo pipefail
lacks=()
[ "$(uname -s)" = Linux ] || lacks+=("Linux")
case "$(uname -m)" in x86_64 | aarch64) ;; *) lacks+=("a processor that the images are made for (amd64, arm64)") ;; esac
if [ "$(id -u)" != 0 ]; then
  lacks+=("root")
else
  unshare --net --mount true 2>/dev/null || lacks+=("the right to make network and mount namespaces")
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then tree=/sys/fs/cgroup; else tree=/sys/fs/cgroup/pids; fi
  if mkdir "$tree/coding-platform-probe" 2>/dev/null; then
    rmdir "$tree/coding-platform-probe"
  else
    lacks+=("control groups that may be made below $tree")
  fi
fi
if ! command -v apt-get >/dev/null; then
  for program in containerd buildah mmdebstrap /usr/sbin/runc /usr/sbin/iptables /usr/lib/cni/bridge; do
    command -v "$program" >/dev/null || lacks+=("${program##*/} (or apt-get to install it)")
  done
fi
if [ -n "${CLUSTER_BY:-}" ] && [ "$(date +%s)" -gt "$CLUSTER_BY" ]; then
  lacks+=("more time: they were to begin by $(date -d "@$CLUSTER_BY" +%T)")
fi
for ((i = 0; i < ${#lacks[@]}; i++)); do
  printf '%s%s' "$([ "$i" = 0 ] || echo ', ')" "${lacks[$i]}"
done
