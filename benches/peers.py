"""CPU time of whole processes: nematode beside pyNeuroML's way to NEURON, on the same LEMS files.

    python benches/peers.py NEMATODE VENV [--runs N] LEMS_file.xml …

VENV is a folder outside the repository; where it is missing, it is made, with pyneuroml and NEURON from PyPI (NEURON
wants a C compiler, jNeuroML wants Java). Each program reads the file, runs it and writes the text that it asks for, in a
copy of the file's folder. The figure is user + system time of the process and its children: the median of 5 runs of
nematode, and of N runs (by default 1: NEURON takes minutes) of the peer.
"""

import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile


def make(venv):
    if not (venv / "bin" / "pynml").exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin" / "pip", "install", "--quiet", "pyneuroml", "neuron"], check=True)


def cpu(command, folder, environment=None):
    """User and system time of a command and its children [s]."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if told.returncode != 0:
        # Its words are left out: jNeuroML prints the whole environment.
        raise RuntimeError(f"{command[0]} {command[-1]} in {folder} ends with {told.returncode}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def times(command, lems, runs, written, environment=None):
    """Each run has a fresh copy of the input, and must leave a file of columns or events behind."""
    taken = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / "in"
            shutil.copytree(lems.parent, copy, ignore=shutil.ignore_patterns("*.dat", "*.spikes", "out"))
            taken.append(cpu([*command, lems.name, *written], copy, environment))
            left = [path for path in copy.rglob("*") if path.suffix in (".dat", ".spikes")]
            if not any(path.stat().st_size for path in left):
                raise RuntimeError(f"{command[0]} wrote nothing for {lems}")
    return statistics.median(taken)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nematode", type=pathlib.Path)
    parser.add_argument("venv", type=pathlib.Path)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=1, help="runs of the peer")
    arguments = parser.parse_args()
    venv = arguments.venv.resolve()
    make(venv)
    environment = os.environ | {"NEURON_HOME": str(venv), "PATH": f"{venv / 'bin'}:{os.environ['PATH']}"}
    print(f"| file | nematode [CPU s], median of 5 | NEURON by pyNeuroML [CPU s], median of {arguments.runs} | ratio |")
    print("|---|---|---|---|", flush=True)
    for lems in (path.resolve() for path in arguments.files):
        ours = times([str(arguments.nematode.resolve()), "lems"], lems, 5, ["--out", "."])
        try:
            peer = times([str(venv / "bin" / "pynml")], lems, arguments.runs, ["-neuron", "-run", "-nogui"], environment)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            print(f"| {lems.name} | {ours:.2f} | does not run | |", flush=True)
            continue
        print(f"| {lems.name} | {ours:.2f} | {peer:.1f} | {peer / ours:.0f} |", flush=True)


if __name__ == "__main__":
    main()
