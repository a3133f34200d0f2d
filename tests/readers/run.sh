#!/bin/sh
# Reads recordings with the readers of other projects: h5py, pyh5md, libsonata and VTK.
#
#   tests/readers/run.sh run.h5 …    check these recordings
#   tests/readers/run.sh             make three (one of a run that was killed) and reports of a LEMS file, check them
#
# Needs Python 3 and, the first time, the network: it keeps a virtual environment under target/.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv="$root/target/readers-venv"

if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/requirements.txt"
fi

if [ $# -gt 0 ]; then
    exec "$venv/bin/python" "$here/check_recording.py" "$@"
fi

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
cd "$root"
NEMATODE_SAMPLE="$made/whole.h5" cargo test --release --quiet --test recording -- --ignored --exact writes_a_sample
NEMATODE_SAMPLE="$made/midline.h5" \
    cargo test --release --quiet --test recording -- --ignored --exact writes_a_sample_without_particles
# This one aborts on purpose; what it leaves is what we want to read.
NEMATODE_SAMPLE="$made/killed.h5" \
    cargo test --release --quiet --test recording -- --ignored --exact writes_and_is_killed >"$made/log" 2>&1 || true
"$venv/bin/python" "$here/check_recording.py" "$made/whole.h5" "$made/midline.h5"
"$venv/bin/python" "$here/check_recording.py" --killed "$made/killed.h5"
lems="$root/tests/lems/LEMS_small.xml"
cargo run --release --quiet -- lems "$lems" --out "$made/texts"
cargo run --release --quiet -- lems "$lems" --h5 "$made/reports.h5"
"$venv/bin/python" "$here/check_reports.py" "$lems" "$made/reports.h5" "$made/texts"
