#!/bin/sh
# The token store's tests run on PostgreSQL too; install Debian's where that can be done unasked.
# Without one, those tests are skipped, and pytest's summary says so.
set -eu
for found in /usr/lib/postgresql/*/bin/initdb; do
    [ -x "$found" ] && exit 0
done
command -v initdb >/dev/null 2>&1 && exit 0
cannot() {
    echo "no PostgreSQL: the token store is tested on SQLite only ($1)" >&2
    exit 0
}
command -v apt-get >/dev/null 2>&1 || cannot "install PostgreSQL so that initdb is on the PATH"
if [ "$(id -u)" = 0 ]; then as_root=""; else as_root="sudo -n"; fi
echo "installing postgresql for the tests of the token store"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# Debian would start a server of its own; the tests make one each time, and leave none behind.
{
    $as_root apt-get update -qq &&
        $as_root apt-get install -y -qq --no-install-recommends postgresql-common &&
        $as_root sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf &&
        $as_root apt-get install -y -qq --no-install-recommends postgresql
} >"$log" 2>&1 || cannot "apt-get failed, see $log"
