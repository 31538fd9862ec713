#!/bin/sh
# The warehouse's tests on DuckLake run on a DuckDB of their own, beside the project's: extensions
# come as packages, so that nothing is downloaded at run time. Without it those tests are skipped,
# and pytest's summary says so.
set -eu
venv=$1
folder=$venv/ducklake
[ "$folder/.ready" -nt scripts/ducklake.lock ] && exit 0
rm -rf "$folder"
log=$(mktemp)
if "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-deps --require-hashes \
    --target "$folder" -r scripts/ducklake.lock >"$log" 2>&1; then
    touch "$folder/.ready"
else
    rm -rf "$folder"
    echo "no DuckLake for this platform: the warehouse is tested on files only, see $log" >&2
fi
