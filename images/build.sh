#!/usr/bin/env bash
# Builds the images from their Dockerfiles with buildah and no registry: `images/build.sh [backend|code-execution]...`
# writes build/images/NAME.tar, each an OCI archive of localhost/NAME:dev, for this machine's processor. With ARCH=arm64 (or
# amd64) on a machine of another kind, which must run its programs (`make images-arm64` sees to that), these are
# NAME-ARCH.tar and localhost/NAME:dev-ARCH, and what is in them is tried. In the place of the bases that the Dockerfiles
# name come ones made from Debian's and npm's packages, once. For a registry: images/build-and-push.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
# buildah leaves its storage mounted, and a directory with a mount in it cannot be deleted: in a mount namespace of
# its own that ends with it. (Without root it makes one itself.)
if [ "$(id -u)" = 0 ] && [ -z "${IN_MOUNT_NAMESPACE:-}" ]; then
  IN_MOUNT_NAMESPACE=1 exec unshare --mount --propagation private "./images/build.sh" "$@"
fi
out=$PWD/build/images
arch=${ARCH:-$(go env GOARCH)}
foreign=""
[ "$arch" = "$(go env GOARCH)" ] || foreign=-$arch
node=20.20.2
debian=debian:bookworm-slim
node_base=node:$node-bookworm-slim
mkdir -p "$out"
# What it notes of mounts there does not hold in another namespace.
rm -rf "$out/run"
images=("$@")
[ ${#images[@]} -gt 0 ] || images=(backend code-execution)

# Storage of its own: what else is on the machine is neither used nor filled.
bud() {
  nice -n 10 buildah --root "$out/storage" --runroot "$out/run" --storage-driver overlay "$@"
}

base() { # name, root as a tarball or a directory
  bud inspect --type image "localhost/$1$foreign" >/dev/null 2>&1 && return
  local container
  container=$(bud from --arch "$arch" scratch)
  bud add --quiet "$container" "$2" / >/dev/null
  bud config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd /bin/bash "$container"
  bud commit --quiet --rm "$container" "localhost/$1$foreign" >/dev/null
}

tarball=$out/debian$foreign.tar
if [ ! -s "$tarball" ]; then
  echo "images: making Debian's base"
  nice -n 10 mmdebstrap --quiet --variant=minbase --architectures="$arch" --include=ca-certificates bookworm "$out/debian$foreign.part.tar"
  mv "$out/debian$foreign.part.tar" "$tarball"
fi
base "$debian" "$tarball"

root=$out/node$foreign
if [ ! -e "$root/root/usr/local/bin/node" ] || [ "$(cat "$root/version" 2>/dev/null)" != "$node" ]; then
  echo "images: making the base with Node.js"
  case $arch in amd64) cpu=x64 ;; arm64) cpu=arm64 ;; *) echo "images: no Node.js for $arch" >&2 && exit 1 ;; esac
  rm -rf "$root" && mkdir -p "$root/root/usr/local/bin" "$root/root/usr/local/lib"
  # A package of a program for another processor is taken by force alone.
  npm install --prefix "$root/root/usr/local/lib" ${foreign:+--force} --no-audit --no-fund --no-save --loglevel=error "node-linux-$cpu@$node" npm@10.8.2
  install "$root/root/usr/local/lib/node_modules/node-linux-$cpu/bin/node" "$root/root/usr/local/bin/node"
  rm -rf "$root/root/usr/local/lib/node_modules/node-linux-$cpu"
  echo "$node" >"$root/version"
fi
base "$node_base" "$root/root"

images/tools.sh "$arch"
for image in "${images[@]}"; do
  name=localhost/$image:dev$foreign
  echo "images: building $image$foreign"
  bud bud --quiet --arch "$arch" --isolation chroot --pull-never --layers --build-arg "TARGETARCH=$arch" \
    --build-arg "DEBIAN=localhost/$debian$foreign" --build-arg "NODE=localhost/$node_base$foreign" \
    --ignorefile images/ignore --file "images/$image/Dockerfile" --tag "$name" . >/dev/null
  rm -f "$out/$image$foreign.tar"
  bud push --quiet "$name" "oci-archive:$out/$image$foreign.tar:$name"
done
[ -n "$foreign" ] || exit 0

# No cluster here runs these images, so their programs are started once.
try() { # image, command...
  local container image=$1
  shift
  container=$(bud from --pull-never --arch "$arch" "localhost/$image:dev$foreign")
  bud run --isolation chroot "$container" -- "$@"
  bud rm "$container" >/dev/null
}
for image in "${images[@]}"; do
  echo "images: trying $image$foreign"
  case $image in
    backend) try backend /usr/local/bin/backend version ;;
    code-execution)
      try code-execution /usr/local/bin/agent --version
      try code-execution python3 -c 'import platform, numpy, pandas, scipy; print("Python", platform.python_version(), platform.machine(), "numpy", numpy.__version__, "sum", numpy.arange(5).sum())'
      try code-execution node -p '`Node.js ${process.version} ${process.arch}`'
      try code-execution tsx -e 'const n: number = 2; console.log("TypeScript", n)'
      try code-execution sh -c 'git --version && npm --version && pip --version && id -un'
      ;;
  esac
done
