"""Particles and observables through pyh5md.

    python examples/interoperability/h5md.py crawl.h5

Needs pyh5md.
"""

import sys

import pyh5md

with pyh5md.File(sys.argv[1], "r") as file:
    for name in ["midline", "curvature", "muscle_activation"]:
        element = pyh5md.element(file["observables"], name)
        print(f"{name}: {element.value.shape}, every {element.time[1] - element.time[0]:g} s")
    if "particles" in file:
        group = file.particles_group("sph")
        position = pyh5md.element(group, "position")
        print(f"particles: {position.value.shape[1]}, the first at {position.value[-1, 0]} m in the end")
