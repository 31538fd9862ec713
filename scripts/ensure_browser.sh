#!/bin/sh
# The browser tests drive Debian's Chromium; install it where that can be done unasked.
set -eu
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
if ! command -v apt-get >/dev/null 2>&1; then
    echo "the browser tests need Chromium on the PATH; install it and run again" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then as_root=""; else as_root="sudo -n"; fi
echo "installing chromium for the browser tests"
export DEBIAN_FRONTEND=noninteractive
{ $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends chromium; } >/tmp/zebbra-chromium.log 2>&1 || {
    echo "could not install chromium (see /tmp/zebbra-chromium.log); install it by hand and run again" >&2
    exit 1
}
