#!/bin/sh
# Opens pages of `nematode report` in a headless Chromium and tries what a person does with them.
#
#   tests/report/run.sh run.h5 …    a page of each recording, and one of all of them
#
# Needs node and npm and, the first time, the network: playwright-core is kept under target/. A Chromium that is not there
# is installed with apt-get. Screenshots are left in target/report-pages/.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
modules="$root/target/report-node"
pages="$root/target/report-pages"

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$chromium" ]; then
    apt-get update -q && apt-get install -qy chromium
    chromium=$(command -v chromium)
fi
mkdir -p "$modules" "$pages"
if ! cmp -s "$here/package.json" "$modules/package.json"; then
    cp "$here/package.json" "$modules/package.json"
    npm install --prefix "$modules" --no-audit --no-fund --silent
fi

made=""
for recording in "$@"; do
    page="$pages/$(basename "$recording" .h5).html"
    "$root/target/release/nematode" report "$recording" -o "$page"
    made="$made $page"
done
if [ $# -gt 1 ]; then
    "$root/target/release/nematode" report "$@" -o "$pages/together.html"
    made="$made $pages/together.html"
fi
# Names of recordings made by tests have no spaces.
# shellcheck disable=SC2086
NODE_PATH="$modules/node_modules" CHROMIUM="$chromium" node "$here/check_page.cjs" $made
