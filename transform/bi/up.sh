#!/usr/bin/env bash
# Apache Superset on this machine, in the foreground, with the dashboards of this folder. It reads
# the warehouse at BI_READER_URI, or the one that `mixtape up` runs. Each start makes it anew from
# the files: what was made in it by hand is gone.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
lock=$root/requirements/superset.txt
programs=${XDG_CACHE_HOME:-$HOME/.cache}/mixtape/superset-$(sha256sum "$lock" | cut -c 1-12)
port=${PORT:-8088}

if [ -z "${BI_READER_URI:-}" ]; then
  BI_READER_URI=$(mixtape env | sed -n 's/^export BI_READER_URI=//p')
  [ -n "$BI_READER_URI" ] || { echo "bi: no warehouse: mixtape up, or set BI_READER_URI"; exit 2; }
fi
export BI_READER_URI

if [ ! -e "$programs/.installed" ]; then
  echo "bi: installing Superset (once; 650 MB) …"
  uv venv --quiet --clear "$programs"
  VIRTUAL_ENV=$programs uv pip sync --quiet --require-hashes "$lock"
  touch "$programs/.installed"
fi

export SUPERSET_HOME=$root/.mixtape/superset
export SUPERSET_CONFIG_PATH=$root/transform/bi/superset_config.py
export FLASK_APP=superset
umask 077
mkdir -p "$SUPERSET_HOME"
for secret in key password; do
  [ -s "$SUPERSET_HOME/$secret" ] || head -c 24 /dev/urandom | base64 >"$SUPERSET_HOME/$secret"
done
SUPERSET_SECRET_KEY=$(<"$SUPERSET_HOME/key")
export SUPERSET_SECRET_KEY
password=$(<"$SUPERSET_HOME/password")

superset() {
  "$programs/bin/superset" "$@" >>"$SUPERSET_HOME/log" 2>&1 \
    || { echo "bi: superset $1 failed: $SUPERSET_HOME/log says why"; exit 1; }
}
echo "bi: setting Superset up; its log: $SUPERSET_HOME/log"
rm -f "$SUPERSET_HOME/superset.db"
superset db upgrade
superset fab create-admin --username admin --firstname mixtape --lastname admin \
  --email admin@localhost --password "$password"
superset init
bundle=$SUPERSET_HOME/bundle.zip # holds the warehouse's address with its password
trap 'rm -f "$bundle"; kill "${server:-}" 2>/dev/null || true' EXIT
python "$root/transform/bi/bundle.py" "$bundle"
superset import-dashboards --path "$bundle" --username admin
rm "$bundle"
"$programs/bin/superset" run --host 127.0.0.1 --port "$port" --with-threads \
  >>"$SUPERSET_HOME/log" 2>&1 &
server=$!
until python -c "import urllib.request as r; r.urlopen('http://127.0.0.1:$port/health')" 2>/dev/null; do
  kill -0 "$server" 2>/dev/null \
    || { echo "bi: Superset does not start: $SUPERSET_HOME/log says why"; exit 1; }
  sleep 1
done
echo "bi: http://127.0.0.1:$port/dashboard/list/ as admin, password $password (Ctrl-C ends it)"
wait "$server"
