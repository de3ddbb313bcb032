#!/usr/bin/env bash
# Make a Debian base image without a registry: base.sh NAME[:TAG]. Needs root and debootstrap.
#
# For machines that reach Debian's packages and no image registry, such as CI: the same packages as
# the base that the Dockerfile names, so what is built on it and tested is what is shipped.
set -euo pipefail
name=${1:?base.sh NAME[:TAG]}
for program in debootstrap buildah; do
    command -v "$program" >/dev/null || { echo "base.sh needs $program" >&2; exit 2; }
done
if buildah inspect --type image "$name" >/dev/null 2>&1; then exit 0; fi
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase bookworm "$root" >/dev/null
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
container=$(buildah from scratch)
buildah copy --quiet "$container" "$root" / >/dev/null
buildah commit --quiet --rm "$container" "$name" >/dev/null
echo "buildah has made $name"
