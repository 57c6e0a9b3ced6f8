#!/usr/bin/env bash
# Installs what is missing: `setup.sh run` for serving, `setup.sh test` for the tests besides,
# `setup.sh bench` for the benchmarks, `setup.sh cluster` for a Kubernetes on this machine, `setup.sh arm64` for running
# programs of arm64 on another processor. Where the system's package manager is apt and may be used it does so; otherwise it
# says exactly what to install. Quick and silent when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:?usage: setup.sh run|test|bench|cluster|arm64}

fail() {
  echo "setup: $*" >&2
  exit 1
}

command -v go >/dev/null || fail "Go 1.26 or newer is needed: https://go.dev/dl/"
command -v node >/dev/null || fail "Node.js 20 or newer is needed: https://nodejs.org/"
command -v npm >/dev/null || fail "npm is needed; it comes with Node.js"
node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
  fail "Node.js 20 or newer is needed; this is $(node --version)"

# packages that are needed and not there
packages=()
need() { # program, Debian package
  command -v "$1" >/dev/null || packages+=("$2")
}
need bwrap bubblewrap
need git git
# Sandboxes see /usr alone: a Python elsewhere does not count.
[ -x /usr/bin/python3 ] || packages+=(python3)
if [ "$what" = test ] && [ -z "${CHROMIUM:-}" ]; then
  need chromium chromium
fi
if [ "$what" = test ] && [ -z "${FIREFOX:-}" ]; then
  need firefox-esr firefox-esr
fi
if [ "$what" = test ]; then
  # Programs that the model of a screen is tested with.
  for program in vim less nano htop tmux; do need "$program" "$program"; done
  need top procps
  # Programs that the sync of files is tested with.
  need rsync rsync
  # Figures are drawn with it.
  /usr/bin/python3 -c 'import matplotlib' 2>/dev/null || packages+=(python3-matplotlib)
  /usr/bin/python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
  /usr/bin/python3 -c 'import pip' 2>/dev/null || packages+=(python3-pip)
fi
if [ "$what" = bench ]; then
  # What a terminal is compared with.
  [ -x /usr/sbin/sshd ] || packages+=(openssh-server)
  need ssh openssh-client
fi
if [ "$what" = cluster ]; then
  need containerd containerd
  need buildah buildah
  need mmdebstrap mmdebstrap
  # Not in a user's PATH.
  [ -x /usr/sbin/runc ] || need runc runc
  [ -x /usr/sbin/iptables ] || need iptables iptables
  [ -x /usr/lib/cni/bridge ] || packages+=(containernetworking-plugins)
  need ip iproute2
fi

emulate=
[ "$what" != arm64 ] || [ "$(go env GOARCH)" = arm64 ] || emulate=1
if [ -n "$emulate" ]; then
  need qemu-aarch64-static qemu-user-static
  need update-binfmts binfmt-support
  need arch-test arch-test
fi

if [ ${#packages[@]} -gt 0 ]; then
  install=(apt-get install --yes --no-install-recommends "${packages[@]}")
  if ! command -v apt-get >/dev/null; then
    fail "install these with your package manager, then try again: ${packages[*]}"
  fi
  as=()
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      as=(sudo -n)
    else
      fail "run this, then try again: sudo ${install[*]}"
    fi
  fi
  echo "setup: installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  if [ "$what" = cluster ] && [ ! -e /usr/sbin/policy-rc.d ]; then
    # The cluster starts its own containerd: the packages' services must not start by themselves.
    printf '#!/bin/sh\nexit 101\n' | "${as[@]}" tee /usr/sbin/policy-rc.d >/dev/null
    "${as[@]}" chmod +x /usr/sbin/policy-rc.d
    trap 'rm -f "$log"; "${as[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  # The package lists of a fresh machine may be missing or old.
  if ! { "${as[@]}" apt-get update && "${as[@]}" "${install[@]}"; } >"$log" 2>&1; then
    cat "$log" >&2
    fail "apt could not install ${packages[*]}"
  fi
fi

/usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "Python 3.11 or newer is needed at /usr/bin/python3; this is $(/usr/bin/python3 --version)"

if [ -n "$emulate" ] && [ ! -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ]; then
  [ -e /proc/sys/fs/binfmt_misc/register ] || mount -t binfmt_misc none /proc/sys/fs/binfmt_misc ||
    fail "the kernel must be told what runs programs of arm64: mount binfmt_misc at /proc/sys/fs/binfmt_misc, as root"
  update-binfmts --enable qemu-aarch64 || fail "run this as root, then try again: update-binfmts --enable qemu-aarch64"
fi

if [ "$what" != cluster ] && [ "$what" != arm64 ] && { [ -z "${DATABASE_URL:-}" ] || [ "$what" != run ]; }; then
  scripts/setup-postgres.sh >/dev/null
fi
