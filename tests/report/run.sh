#!/bin/sh
# Opens pages of `nematode report` in a headless Chromium and tries what a person does with them.
#
#   tests/report/run.sh run.h5 …    a page of each recording, and one of all of them
#
# The page of a small contest, and that of a worm with a policy of it, are looked at too.
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

# Two small policies that hardly learn, and the wave.
models="$root/models/experiments"
contest="$pages/contest"
rm -rf "$contest" && mkdir -p "$contest"
{
    sed -e '/^\[\[contestant\]\]/,$d' -e "s#\"adult_wave.toml\"#\"$models/adult_wave.toml\"#" "$models/controllers.toml"
    printf '[[contestant]]\nname = "LTC-NCP"\npolicy = { cell = "ltc", wiring = { type = "AutoNCP", units = 120, output_size = 95 } }\n'
    printf '[[contestant]]\nname = "GRU"\npolicy = { cell = "gru" }\n'
    printf '[[contestant]]\nname = "wave"\nexperiment = "%s"\n' "$models/adult_wave.toml"
} > "$contest/contest.toml"
"$root/target/release/nematode" compare "$contest/contest.toml" --quick --out "$contest" --set 'seeds=[1, 2]' \
    --set imitation.epochs=3 --set reward.generations=1 --set 'reward.duration=1 s' > "$contest/told.txt"
{
    sed -e '/^\[controller/,$d' -e "s#\"\.\./#\"$root/models/#" "$models/adult_wave.toml"
    printf '[controller.policy]\nfile = "%s/GRU.seed1.safetensors"\n[recording]\npolicy = ["*"]\n' "$contest"
    sed -e '1,/^\[recording\]/d' "$models/adult_wave.toml"
} > "$contest/policy.toml"
"$root/target/release/nematode" run "$contest/policy.toml" --duration '2 s' --out "$contest/policy.h5" > /dev/null
"$root/target/release/nematode" report "$contest/policy.h5" --contributions -o "$pages/policy.html"
mv "$contest/results.html" "$pages/contest.html"
NODE_PATH="$modules/node_modules" CHROMIUM="$chromium" node "$here/check_page.cjs" "$pages/policy.html" --contest "$pages/contest.html"
