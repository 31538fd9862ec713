#!/bin/sh
# Usage: ensure_packages.sh <venv> <name>: packages of scripts/<name>.lock in a folder of their own
# beside the project's, for tests on another version than the project's. Without them those tests
# are skipped, and pytest's summary says so.
set -eu
venv=$1
name=$2
folder=$venv/$name
[ "$folder/.ready" -nt "scripts/$name.lock" ] && exit 0
rm -rf "$folder"
log=$(mktemp)
if "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-deps --require-hashes \
    --target "$folder" -r "scripts/$name.lock" >"$log" 2>&1; then
    touch "$folder/.ready"
else
    rm -rf "$folder"
    echo "tests that need $name are skipped: its packages cannot be installed, see $log" >&2
fi
