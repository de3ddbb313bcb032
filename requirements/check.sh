#!/usr/bin/env bash
# The locks are in step with pyproject.toml, and nothing in what runs has a known vulnerability.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp "$here"/*.txt "$here"/*.in "$scratch"
UPGRADE='' bash "$here/lock.sh" "$scratch"
for lock in "$here"/*.txt; do
  # The comments name the folder that the resolver was told to write to.
  diff <(grep -v '^ *#' "$lock") <(grep -v '^ *#' "$scratch/${lock##*/}") \
    || { echo "${lock##*/} is out of step with pyproject.toml: make lock"; exit 1; }
done

report=$(pip-audit --disable-pip --require-hashes --requirement "$here/runtime.txt" 2>&1) && code=0 || code=$?
if [ "$code" -eq 0 ]; then
  echo "audit: no known vulnerability in what runs"
elif grep -qiE 'connect|timed out|resolve|HTTPError|Forbidden|Service' <<<"$report" \
  && ! grep -q 'Found [0-9]' <<<"$report"; then
  echo "audit: not done, its data cannot be reached from here"
else
  printf '%s\n' "$report"
  exit 1
fi
