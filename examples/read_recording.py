"""Prints what is in a recording, and its gait; with --plot draws the midline, the curvature and the body.

    python examples/read_recording.py crawl.h5
    python examples/read_recording.py crawl.h5 --plot crawl.png

Needs h5py and numpy, and matplotlib for --plot. A run that was killed, or still goes on, is read as well.
"""

import argparse

import h5py
import numpy as np


def open_recording(path):
    """A finished run opens as any HDF5 file; one that did not end opens for a reader beside a writer."""
    try:
        return h5py.File(path, "r")
    except OSError:
        return h5py.File(path, "r", swmr=True)


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def print_contents(file):
    time = file["observables/midline/time"][:]
    print(f"{len(time)} frames, {time[0]:.3f} to {time[-1]:.3f} s, by nematode {text(file['h5md/creator'].attrs['version'])}")
    for name, group in file["observables"].items():
        print(f"  {name:20} {str(group['value'].shape):16} {text(group['value'].attrs.get('unit', ''))}")
    if "particles" in file:
        species = file["particles/sph/species"][:]
        names = h5py.check_enum_dtype(file["particles/sph/species"].dtype)
        counts = ", ".join(f"{np.sum(species == number)} {name}" for name, number in names.items())
        print(f"  particles            {counts}")
    for name, report in file.get("report", {}).items():
        rows, cells = report["data"].shape
        print(f"  {name:20} {rows} rows of the potentials of {cells} cells, {len(file[f'spikes/{name}/timestamps'])} spikes")
    for path, digest in zip(file["parameters/files/path"][:], file["parameters/files/sha256"][:]):
        print(f"  from {text(path)}  {text(digest)[:12]}")


def print_gait(file, settled=0.2):
    """Speed along the worm's own axis, and the bending, after the first fifth of the run."""
    time = file["observables/midline/time"][:]
    late = time >= settled * time[-1]
    if late.sum() < 3 or time[-1] < 1.0:
        print("  too short for a gait")
        return
    midline = file["observables/midline/value"][:][late].astype(float)
    half = midline.shape[1] // 2
    heading = (midline[:, :half].mean(1) - midline[:, half:].mean(1)).mean(0)
    heading /= np.linalg.norm(heading)
    center = file["observables/center_of_mass/value"][:][late]
    speed = (center[-1] - center[0]) @ heading / (time[late][-1] - time[late][0])
    length = np.linalg.norm(np.diff(midline, axis=1), axis=2).sum(1).mean()
    bending = np.sqrt(np.mean(file["observables/curvature/value"][:][late].astype(float) ** 2)) * length
    print(f"  speed {1e3 * speed:.3f} mm/s head first, curvature x length {bending:.2f} rms, length {1e3 * length:.3f} mm")


def plot(file, out):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    time = file["observables/midline/time"][:]
    midline = 1e3 * file["observables/midline/value"][:]
    curvature = file["observables/curvature/value"][:]
    length = 1e-3 * np.linalg.norm(np.diff(midline[0], axis=0), axis=1).sum()
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 2.9), layout="constrained")

    shown = np.linspace(0, len(time) - 1, 6).astype(int)
    for frame in shown:
        colour = plt.cm.viridis(0.9 * frame / max(1, len(time) - 1))
        left.plot(midline[frame, :, 0], midline[frame, :, 1], color=colour, label=f"{time[frame]:.0f} s")
        left.plot(*midline[frame, 0, :2], "o", color=colour, markersize=4)
    left.set(title="midlines, the head a dot", xlabel="x [mm]", ylabel="y [mm]", aspect="equal")
    left.legend(fontsize=6, ncols=3, loc="upper left")
    left.margins(y=0.4)

    reach = 12
    image = middle.imshow(
        length * curvature.T, aspect="auto", cmap="RdBu_r", vmin=-reach, vmax=reach, extent=(time[0], time[-1], 1, 0)
    )
    middle.set(title="curvature x length", xlabel="time [s]", ylabel="head 0 ... 1 tail")
    figure.colorbar(image, ax=middle)

    if "particles" in file:
        position = 1e3 * file["particles/sph/position/value"][-1]
        liquid = file["particles/sph/species"][:] == 0
        right.scatter(*position[~liquid, :2].T, s=0.5, color="peru", linewidths=0, label="tissue")
        right.scatter(*position[liquid, :2].T, s=2.5, color="steelblue", linewidths=0, label="liquid")
        right.legend(fontsize=6, markerscale=4)
    right.set(title=f"particles at {time[-1]:.1f} s", xlabel="x [mm]", ylabel="y [mm]", aspect="equal")
    figure.savefig(out, dpi=90)
    print(f"  drawn in {out}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recording")
    parser.add_argument("--plot", metavar="PNG", help="draw it")
    arguments = parser.parse_args()
    with open_recording(arguments.recording) as file:
        print_contents(file)
        print_gait(file)
        if arguments.plot:
            plot(file, arguments.plot)


if __name__ == "__main__":
    main()
