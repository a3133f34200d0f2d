"""Opens a recording with the readers of other projects and compares the values that they see.

    python check_recording.py run.h5 …             a run that ended
    python check_recording.py --killed run.h5 …    a run that was killed: no views, but all that was flushed

h5py is the yardstick; pyh5md, libsonata and VTK must see its numbers, bit for bit where the types agree.
Exits with 1 and says what differs if one does not.
"""

import argparse
import sys

import h5py
import numpy as np

SPECIES = {"liquid": 0, "elastic": 1, "boundary": 2}
UNITS = {"position": "m", "velocity": "m s-1", "density": "kg m-3", "pressure": "Pa"}


def expect(condition, what):
    """Raises unless `condition` holds; unlike assert, also under python -O."""
    if not condition:
        raise AssertionError(what)


def same(found, wanted, what):
    found, wanted = np.asarray(found), np.asarray(wanted)
    expect(found.shape == wanted.shape, f"{what}: shape {found.shape}, expected {wanted.shape}")
    expect(np.array_equal(found, wanted), f"{what}: values differ")


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def quantities(file):
    """What particles have: a body without liquid has neither density nor pressure."""
    return [name for name in UNITS if name in file["particles/sph"]]


def check_structure(file):
    """What the file says of itself, and that no number is missing or out of order."""
    expect(list(file["h5md"].attrs["version"]) == [1, 1], "h5md version is not 1.1")
    expect(text(file["h5md/modules/units"].attrs["system"]) == "SI", "units are not SI")
    step, time = file["observables/midline/step"][:], file["observables/midline/time"][:]
    expect(len(time) > 0, "there is no frame")
    expect(np.all(np.diff(time) > 0), "time does not grow")
    expect(np.all(np.diff(step) > 0), "steps do not grow")
    groups = [group for group in file["observables"].values()]
    if "particles" in file:
        groups += [file["particles/sph"][name] for name in quantities(file)]
        kinds = h5py.check_enum_dtype(file["particles/sph/species"].dtype)
        expect(kinds == SPECIES, f"species are {kinds}")
        expect(set(np.unique(file["particles/sph/species"][:])) <= set(SPECIES.values()), "a species has no name")
        # Rods have no inertia; they are all of the body then.
        mass = file["particles/sph/mass"][:]
        expect(np.all(mass > 0) or np.all(mass == 0), "a mass is not positive")
        for name in quantities(file):
            unit = UNITS[name]
            expect(text(file[f"particles/sph/{name}/value"].attrs["unit"]) == unit, f"{name} is not in {unit}")
    for group in groups:
        value = group["value"]
        expect(value.shape[0] == len(time), f"{group.name} has {value.shape[0]} frames of {len(time)}")
        expect(np.all(np.isfinite(value[:])), f"{group.name} is not finite")
        same(group["time"][:], time, f"{group.name}/time")
        same(group["step"][:], step, f"{group.name}/step")
    muscles = [text(name) for name in file["parameters/names/muscles"][:]]
    expect(len(muscles) == 95 and "MVL24" not in muscles, "the muscles are not the worm's 95")
    activation = file["observables/muscle_activation/value"][:]
    expect(activation.shape[1] == 95, "there is not one activation per muscle")
    expect(activation.min() >= 0 and activation.max() <= 1, "an activation is outside 0..1")
    expect(text(file["parameters/experiment_toml"][0]) is not None, "the experiment is missing")
    return len(time)


def check_h5md(path, file):
    from pyh5md import File, element

    if "particles" not in file:
        return "no particles"
    with File(path, "r") as h5md:
        particles = h5md.particles_group("sph")
        for name in quantities(file):
            seen = element(particles, name)
            expect(seen.element_type == "TimeElement", f"pyh5md takes {name} for {seen.element_type}")
            same(seen.value[:], file[f"particles/sph/{name}/value"][:], f"pyh5md {name}")
            same(seen.time[:], file["observables/midline/time"][:], f"pyh5md {name} time")
        same(element(particles, "species").value[:], file["particles/sph/species"][:], "pyh5md species")
        box = particles["box"]
        expect(box.attrs["dimension"] == 3, "pyh5md: the box has not 3 dimensions")
        expect([text(side) for side in box.attrs["boundary"]] == ["none"] * 3, "pyh5md: the box is closed")
        frames, count, _ = element(particles, "position").value.shape
    for name in file.get("connectivity", {}):
        reference = file[f"connectivity/{name}"].attrs["particles_group"]
        expect(file[reference].name == "/particles/sph", f"{name} names other particles")
        expect(file[f"connectivity/{name}"][:].max() < count, f"{name} names a particle that is not there")
    return f"{frames} frames of {count} particles"


def check_sonata(path, file):
    import libsonata

    if "report" not in file:
        return "no network"
    reports, spikes = libsonata.ElementReportReader(path), libsonata.SpikeReader(path)
    expect(set(reports.get_population_names()) == set(file["report"]), "libsonata sees other reports")
    told = []
    for name in file["report"]:
        data, report = file[f"report/{name}/data"][:], reports[name]
        start, stop, dt = file[f"report/{name}/mapping/time"][:]
        same(report.times, (start, stop, dt), f"times of report {name}")
        # The last row stands for the interval that ends at `stop`; a thousandth of it is far above rounding.
        expect(abs((stop - start) / dt - len(data)) < 1e-3, f"report {name}: {len(data)} rows in {start}..{stop} ms")
        # Cells without units have a number for a potential.
        expect(report.time_units == "ms" and report.data_units in ("mV", "1"), f"units of report {name}")
        frame = report.get(tstart=start, tstop=stop)
        same(frame.data, data, f"libsonata report {name}")
        nodes = libsonata.NodeStorage(path).open_population(name)
        names = nodes.get_attribute("name", libsonata.Selection([(0, nodes.size)]))
        same(list(names), [text(value) for value in file[f"nodes/{name}/0/@library/name"][:]], f"names of {name}")
        expect(nodes.size == data.shape[1], f"{nodes.size} nodes, {data.shape[1]} columns in {name}")

        population = spikes[name]
        expect(population.sorting == "by_time", f"spikes of {name} are sorted {population.sorting}")
        stamps, ids = file[f"spikes/{name}/timestamps"][:], file[f"spikes/{name}/node_ids"][:]
        expect(np.all(np.diff(stamps) >= 0), f"spikes of {name} are not in the order of time")
        expect(len(ids) == 0 or ids.max() < nodes.size, f"a spike of {name} has no cell")
        seen = population.get()
        same([spike[0] for spike in seen], ids, f"libsonata spikes {name}: cells")
        same([spike[1] for spike in seen], stamps, f"libsonata spikes {name}: times")
        told.append(f"{name} {data.shape[0]}x{data.shape[1]}, {len(stamps)} spikes")
    return "; ".join(told)


def check_vtk(path, file):
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOHDF import vtkHDFReader

    reader = vtkHDFReader()
    expect(reader.CanReadFile(path), "VTK cannot read this file")
    reader.SetFileName(path)
    reader.UpdateInformation()
    times = file["observables/midline/time"][:]
    expect(reader.GetNumberOfSteps() == len(times), f"VTK sees {reader.GetNumberOfSteps()} steps of {len(times)}")
    source = "particles/sph/position" if "particles" in file else "observables/midline"
    for frame in sorted({0, len(times) // 2, len(times) - 1}):
        reader.SetStep(frame)
        reader.Update()
        data = reader.GetOutputDataObject(0)
        same(vtk_to_numpy(data.GetPoints().GetData()), file[f"{source}/value"][frame], f"VTK points of frame {frame}")
        expect(reader.GetTimeValue() == times[frame], f"VTK time of frame {frame}")
        if "particles" not in file:
            expect(data.GetNumberOfLines() == 1, "VTK sees no midline")
            continue
        for name in quantities(file)[1:]:
            seen = vtk_to_numpy(data.GetPointData().GetArray(name))
            same(seen, file[f"particles/sph/{name}/value"][frame], f"VTK {name} of frame {frame}")
        triangles = len(file["connectivity/cuticle"]) if "cuticle" in file.get("connectivity", {}) else 0
        expect(data.GetNumberOfPolys() == triangles, f"VTK sees {data.GetNumberOfPolys()} of {triangles} triangles")
        expect(data.GetNumberOfVerts() == data.GetNumberOfPoints(), "VTK sees no vertex per particle")
        springs = len(file["connectivity/springs"]) if triangles == 0 and "springs" in file.get("connectivity", {}) else 0
        expect(data.GetNumberOfLines() == springs, f"VTK sees {data.GetNumberOfLines()} of {springs} springs")
    return f"{len(times)} steps of {data.GetNumberOfPoints()} points"


def check(path, killed):
    if killed:
        # A killed writer leaves its mark in the file; only a reader in SWMR mode looks past it.
        with h5py.File(path, "r", swmr=True, libver="latest") as file:
            frames = check_structure(file)
            expect("VTKHDF" not in file, "a killed run has views: it was not killed")
        print(f"{path}: killed after {frames} frames, all of them there")
        return
    with h5py.File(path, "r") as file:
        frames = check_structure(file)
        print(f"{path}: h5py: {frames} frames")
        for reader, run in (("pyh5md", check_h5md), ("libsonata", check_sonata), ("vtk", check_vtk)):
            print(f"{path}: {reader}: {run(path, file)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings", nargs="+", metavar="run.h5")
    parser.add_argument("--killed", action="store_true", help="the runs were killed")
    arguments = parser.parse_args()
    for path in arguments.recordings:
        try:
            check(path, arguments.killed)
        except AssertionError as error:
            sys.exit(f"{path}: {error}")


if __name__ == "__main__":
    main()
