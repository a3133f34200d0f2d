"""Potentials and spikes through libsonata, with the names of the cells.

    python examples/interoperability/sonata.py connectome.h5 [AVBL]

Needs libsonata, and h5py for the names.
"""

import sys

import h5py
import libsonata

path, wanted = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "AVBL"
with h5py.File(path, "r") as file:
    names = [name.decode() for name in file["parameters/names/network_neurons"][:]]
cell = names.index(wanted)
report = libsonata.ElementReportReader(path)["neurons"]
start, stop, step = report.times
frame = report.get(node_ids=[cell])
potentials = [row[0] for row in frame.data]
print(f"{wanted}: {len(potentials)} samples every {step:g} {report.time_units} from {start:g} to {stop:g}, "
      f"{min(potentials):.2f} to {max(potentials):.2f} {report.data_units}")
spikes = libsonata.SpikeReader(path)["neurons"].get()
print(f"{len(spikes)} spikes in all, {sum(1 for node, _ in spikes if node == cell)} of {wanted}")
