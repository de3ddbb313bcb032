#!/usr/bin/env bash
# Resolve pyproject.toml into hashed requirements below $1. The names of registries stay out of
# them, so that they can be installed from a mirror (docs/decisions/0001-one-environment.md).
# What is there already is kept where it still fits; `UPGRADE=1` takes the newest of all.
set -euo pipefail
out=$1
shared=(--quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header)
[ -z "${UPGRADE:-}" ] || shared+=(--upgrade)
compile() { uv pip compile "${shared[@]}" "$@"; }

# The widest first: the others are parts of it, at the same versions.
compile pyproject.toml --extra services --group bootstrap --group dev --output-file "$out/dev.txt"
compile pyproject.toml --extra services --constraints "$out/dev.txt" --output-file "$out/services.txt"
compile pyproject.toml --constraints "$out/dev.txt" --output-file "$out/runtime.txt"
compile --group bootstrap --constraints "$out/dev.txt" --output-file "$out/bootstrap.txt"
compile "$out/secantus.in" --prerelease allow --output-file "$out/secantus.txt"
compile "$out/superset.in" --output-file "$out/superset.txt"
