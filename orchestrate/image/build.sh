#!/usr/bin/env bash
# Build the image with docker, podman or buildah, whichever is here: build.sh [NAME[:TAG]]
#
#   BUILDER=…    one of the three, where more than one is here
#   BASE=…       another base than the Dockerfile's (base.sh makes one without a registry)
#   ARCHIVE=…    also write the image as a docker archive to this file
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
name=${1:-mixtape:$version}
[[ $name == *:* ]] || name=$name:$version

usable() {
    case $1 in
        docker) docker info >/dev/null 2>&1 ;;
        *) command -v "$1" >/dev/null ;;
    esac
}
if [ -z "${BUILDER:-}" ]; then
    for BUILDER in docker podman buildah none; do
        [ "$BUILDER" = none ] || ! usable "$BUILDER" || break
    done
fi
if [ "$BUILDER" = none ]; then
    echo "no docker, podman or buildah here: install one (Debian: apt-get install buildah)" >&2
    exit 2
fi

# What is not committed is not that revision.
revision=$(git rev-parse HEAD)
[ -z "$(git status --porcelain)" ] || revision=$revision-dirty
arguments=(--build-arg "VERSION=$version" --build-arg "REVISION=$revision" --tag "$name")
[ -z "${BASE:-}" ] || arguments+=(--build-arg "BASE=$BASE")
[ -z "${SSL_CERT_FILE:-}" ] || arguments+=(--secret "id=ca_bundle,src=$SSL_CERT_FILE")
# These two keep no layers unless told to, and could then never rebuild the last alone.
[ "$BUILDER" = docker ] || arguments+=(--layers)
"$BUILDER" build "${arguments[@]}" .

if [ -n "${ARCHIVE:-}" ]; then
    case $BUILDER in
        docker) docker save --output "$ARCHIVE" "$name" ;;
        *) "$BUILDER" push --quiet "$name" "docker-archive:$ARCHIVE:$name" ;;
    esac
fi
echo "$BUILDER has built $name"
