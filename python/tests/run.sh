#!/bin/sh
# Builds the wheel of the Python package, installs it into a virtual environment and runs pytest on it.
#
#   python/tests/run.sh              all tests
#   python/tests/run.sh -k gym       what pytest is told
#
# Needs Rust, Python 3.10 or newer with venv and, the first time, the network: it keeps the environment under target/.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv="$root/target/python-venv"

if ! cmp -s "$root/python/pyproject.toml" "$venv/pyproject.toml"; then
    python3 -m venv --clear "$venv"
    # What it needs, without the package itself, which is built below.
    "$venv/bin/pip" install --quiet "maturin>=1.9,<2" h5py
    fresh=1
fi
rm -rf "$root/target/wheels"
"$venv/bin/maturin" build --quiet --release --locked --manifest-path "$root/python/Cargo.toml" \
    --interpreter "$venv/bin/python" --out "$root/target/wheels"
wheel=$(ls "$root"/target/wheels/nematode-*.whl)
if [ -n "${fresh:-}" ]; then
    "$venv/bin/pip" install --quiet "$wheel[test]"
    cp "$root/python/pyproject.toml" "$venv/pyproject.toml"
fi
"$venv/bin/pip" install --quiet --force-reinstall --no-deps "$wheel"

# The wheel is tried, and not the folder that it was made from.
if [ -x "$root/target/release/nematode" ]; then
    export NEMATODE_COMMAND="$root/target/release/nematode"
fi
cd "$here"
exec "$venv/bin/python" -m pytest --quiet "$@" .
