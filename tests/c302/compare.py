"""Runs the c302 networks of the conformance set and compares them with the traces of NEURON and jNeuroML.

    python compare.py NEMATODE CONFORMANCE_FOLDER [CASE …] [--dt MS] [--markdown]

Each network runs at the file's own step (or at --dt) as long as its reference does. On the reference's samples: root mean
square and largest difference of all potentials, RMS of the other quantity (activity or calcium) against its range; at
full resolution: upward crossings of the reference's threshold, by linear interpolation, as the reference counts them.
Exits with 1 if a network is refused or further from its reference than LIMITS allow. Needs h5py and numpy.
"""

import argparse
import gzip
import json
import pathlib
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ElementTree

import h5py
import numpy as np


def limits(rms_mv, cells_other, apart_ms):
    return {"rms_mv": 1.5 * rms_mv, "cells_other": cells_other, "apart_ms": max(1.5 * apart_ms, 0.01)}


# What was measured, and half as much again: a change of the method may move these, a mistake moves them by far more.
# The reference simulators themselves are no nearer to each other (docs/conformance.md).
LIMITS = {
    "A_Full nrn": limits(0.29, 0, 1.4),
    "A_IClamp jnml": limits(2.7, 0, 2.3),
    "A_Oscillator nrn": limits(1.3, 0, 1.4),
    "A_Pharyngeal nrn": limits(0.26, 0, 0.13),
    "A_Syns jnml": limits(1.3, 0, 1.2),
    "B_Full nrn": limits(0.21, 0, 1),
    "B_IClamp jnml": limits(2.7, 0, 2.3),
    "B_Oscillator nrn": limits(1.2, 0, 2.7),
    "B_Pharyngeal nrn": limits(0.0011, 0, 0.023),
    "C1_Full nrn": limits(1.5, 13, 16),
    "C1_Full nrn_dt0.0025_100ms": limits(0.034, 0, 0.033),
    "C1_IClamp jnml": limits(4.9, 1, 9.6),
    "C1_Oscillator jnml": limits(0.3, 0, 0.0025),
    "C1_Pharyngeal nrn_dt0.001": limits(0.00018, 0, 0),
    "C1_Syns jnml": limits(0.29, 0, 0.23),
    "C_Full jnml_20ms": limits(0.0075, 0, 0),
    "C_IClamp jnml": limits(4.9, 1, 9.6),
    "C_Oscillator nrn": limits(0.12, 0, 0.0096),
    "C_Pharyngeal nrn_dt0.001": limits(0.00017, 0, 0),
    "D_Full nrn_100ms": limits(0.051, 0, 0.2),
    "D_Oscillator nrn": limits(0.0097, 0, 0.01),
}


def unpack(case, folder):
    """Copies the input of a case and unpacks what is packed; gives the LEMS file."""
    for path in (case / "input").iterdir():
        if path.is_dir():
            shutil.copytree(path, folder / path.name)
        elif path.name.endswith(".tar.gz"):
            with tarfile.open(path) as archive:
                archive.extractall(folder, filter="data")
        elif path.suffix == ".gz":
            (folder / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        else:
            shutil.copy(path, folder)
    return next(folder.glob("LEMS_*.xml"))


def step_of(lems):
    """The time step that the file asks for [s]."""
    text = ElementTree.parse(lems).find("Simulation").get("step").strip()
    number = float(text.removesuffix("ms").removesuffix("s"))
    return number * 1e-3 if text.endswith("ms") else number


def run(nematode, lems, out, end, dt):
    """Runs a network; gives every recorded quantity by its path, and the CPU time [s], or what it was refused for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    arguments = ["lems", lems, "--h5", out, "--duration", f"{end:.9g} s", "--dt", f"{dt:.9g} s"]
    told = subprocess.run([nematode, *arguments], capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if told.returncode != 0:
        return told.stderr.strip().splitlines()[0], None
    traces = {}
    with h5py.File(out, "r") as file:
        for report in file["report"].values():
            data = report["data"][:]
            for index, path in enumerate(report["mapping/quantity"][:]):
                traces[path.decode()] = data[:, index]
    return traces, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def crossings(values, threshold, dt):
    below = np.flatnonzero((values[:-1] <= threshold) & (values[1:] > threshold))
    start, stop = values[below].astype(float), values[below + 1].astype(float)
    return (below + (threshold - start) / (stop - start)) * dt


def compare(traces, reference, spikes, dt):
    """Differences of a run from its reference, by name."""
    rows = np.rint(reference["t"] / dt).astype(int)
    if np.abs(rows * dt - reference["t"]).max() > 1e-3 * dt:
        raise ValueError("the samples of the reference are not on our steps")
    columns = json.loads(str(reference["columns"]))
    figures = {}
    for kind in ("potentials", "others"):
        names = [name for name in columns if (name in ("v", "muscles")) == (kind == "potentials")]
        if not names:
            continue
        wanted = np.concatenate([reference[name] for name in names], axis=1).astype(float)
        found = np.stack([traces[path][rows] for name in names for path in columns[name]], axis=1)
        difference = found - wanted
        rms = np.sqrt(np.mean(difference**2))
        if kind == "potentials":
            figures["rms_mv"], figures["max_mv"] = 1e3 * rms, 1e3 * np.abs(difference).max()
        else:
            figures["rms_others"] = rms / max(np.ptp(wanted), 1e-300)
    end = reference["t"][-1]
    found, wanted, other, apart = 0, 0, 0, 0.0
    for name in ("v", "muscles"):
        for path in columns.get(name, []):
            ours = crossings(traces[path], spikes["threshold_V"], dt)
            theirs = np.array([time for time in spikes["spike_times_s"].get(path, []) if time <= end])
            found, wanted = found + len(ours), wanted + len(theirs)
            if len(ours) != len(theirs):
                other += 1
            elif len(ours):
                apart = max(apart, np.abs(ours - theirs).max())
    return figures | {"spikes": found, "spikes_wanted": wanted, "cells_other": other, "apart_ms": 1e3 * apart}


def judge(name, figures):
    """What goes beyond the limits of a case."""
    limits = LIMITS.get(name, {})
    return [f"{key} {figures[key]:.3g} > {limit:.3g}" for key, limit in limits.items() if figures[key] > limit]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nematode")
    parser.add_argument("conformance", type=pathlib.Path)
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--dt", type=float, help="another step [ms]")
    arguments = parser.parse_args()
    failed = []
    print("| network | reference | step [ms] | RMS [mV] | max [mV] | RMS of activity or [Ca] / its range |", end="")
    print(" spikes, theirs | cells with another count | max of spike times apart [ms] | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for case in sorted((arguments.conformance / "c302").iterdir()):
        if arguments.cases and case.name not in arguments.cases:
            continue
        for meta in sorted(case.glob("*.meta.json")):
            tag = meta.name.removesuffix(".meta.json")
            with tempfile.TemporaryDirectory() as folder, np.load(case / f"{tag}.npz") as reference:
                folder = pathlib.Path(folder)
                lems = unpack(case, folder)
                dt = arguments.dt * 1e-3 if arguments.dt else step_of(lems)
                end = round(float(reference["t"][-1]) / dt) * dt
                traces, seconds = run(arguments.nematode, lems, folder / "out.h5", end, dt)
                if seconds is None:
                    print(f"| {case.name} | {tag} | {1e3 * dt:g} | refused | | | | | | |", flush=True)
                    failed.append(f"{case.name}: {traces}")
                    continue
                spikes = json.loads(gzip.decompress((case / f"{tag}.spikes.json.gz").read_bytes()))
                figures = compare(traces, reference, spikes, dt)
            others = f"{figures['rms_others']:.2g}" if "rms_others" in figures else ""
            print(f"| {case.name} | {tag} | {1e3 * dt:g} | {figures['rms_mv']:.2g} | {figures['max_mv']:.2g} | {others}", end="")
            print(f" | {figures['spikes']}, {figures['spikes_wanted']} | {figures['cells_other']}", end="")
            print(f" | {figures['apart_ms']:.2g} | {seconds:.2f} |", flush=True)
            if not arguments.dt:
                failed += [f"{case.name}, {tag}: {beyond}" for beyond in judge(f"{case.name} {tag}", figures)]
    for line in failed:
        print(line, file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
