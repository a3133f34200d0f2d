"""Worms between this engine and the programs of those who track worms.

    python check_tracks.py NEMATODE recording.h5 [wcon_schema.json]

Writes the worm of a recording as Tierpsy Tracker would have (with PyTables, as it does), in its three kinds of files,
and as WCON; `nematode gait` must find the same gait in all of them. The WCON must pass the format's schema, where that
is given. Exits with 1 and says what differs if not.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import jsonschema
import numpy as np
import tables

FRAMES_PER_SECOND = 50.0
MICRONS_PER_PIXEL = 4.0


def expect(condition, what):
    """Raises unless `condition` holds; unlike assert, also under python -O."""
    if not condition:
        raise AssertionError(what)


def gait(nematode, path):
    """The gait of the one worm of a file."""
    run = subprocess.run([nematode, "gait", "--json", path], capture_output=True, text=True, check=False)
    expect(run.returncode == 0, f"{path}: {run.stderr}")
    worms = json.loads(run.stdout)
    expect(len(worms) == 1, f"{path}: {len(worms)} worms")
    return worms[0]


def tierpsy(path, midline, table, columns, group, scale):
    """One worm, number 3, as the tracker writes it, with a row of no worm and a row whose midline has a hole."""
    rows = len(midline) + 2
    with tables.File(path, "w") as file:
        index = np.zeros(rows, dtype=[(columns[0], "<i4"), (columns[1], "<i4"), ("area", "<f4")])
        index[columns[0]] = [3] * (rows - 1) + [-1]
        index[columns[1]] = np.arange(rows)
        node = file.create_table("/", table, obj=index, filters=tables.Filters(complevel=5, complib="zlib"))
        node.attrs["fps"] = FRAMES_PER_SECOND
        node.attrs["microns_per_pixel"] = MICRONS_PER_PIXEL
        hole = np.full((1, *midline.shape[1:]), np.nan)
        points = np.concatenate([midline / scale, hole, midline[:1] / scale]).astype("<f4")
        where, _, name = group.rpartition("/")
        if where:
            file.create_group("/", where)
        file.create_carray(f"/{where}", name, obj=points, filters=tables.Filters(complevel=5, complib="zlib"))


def main():
    """Checks one recording."""
    nematode, recording = sys.argv[1:3]
    with h5py.File(recording) as file:
        midline = file["observables/midline/value"][:, :, :2]
        interval = np.diff(file["observables/midline/time"][:])
    expect(np.allclose(interval, 1 / FRAMES_PER_SECOND), "the recording has not a frame every 20 ms")
    ours = gait(nematode, recording)
    with tempfile.TemporaryDirectory() as folder:
        kinds = [
            ("a_skeletons.hdf5", "trajectories_data", ("worm_index_joined", "frame_number"), "skeleton", 1e-6 * MICRONS_PER_PIXEL),
            ("a_features.hdf5", "features_timeseries", ("worm_index", "timestamp"), "coordinates/skeletons", 1e-6),
            ("a_featuresN.hdf5", "timeseries_data", ("worm_index", "timestamp"), "coordinates/skeletons", 1e-6),
        ]
        paths = []
        for name, *kind in kinds:
            paths.append(Path(folder) / name)
            tierpsy(paths[-1], midline, *kind)
        wcon = Path(folder) / "worm.wcon"
        subprocess.run([nematode, "gait", recording, "--wcon", wcon], check=True, capture_output=True)
        for path in [*paths, wcon]:
            theirs = gait(nematode, path)
            for row in ["forward_speed", "frequency", "wavelength", "bending", "eigenworms", "head_speed"]:
                # The centre is the mean of the midline's points there, not of all mass.
                near = np.isclose(ours[row], theirs[row], rtol=0.03)
                expect(near, f"{path.name}: {row} is {theirs[row]}, of the recording {ours[row]}")
        if len(sys.argv) > 3:
            schema = json.loads(Path(sys.argv[3]).read_text())
            jsonschema.validate(json.loads(wcon.read_text()), schema)
            print("WCON passes its schema")
    print("Tierpsy's files and WCON give the gait of the recording")


if __name__ == "__main__":
    main()
