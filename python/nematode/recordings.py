"""Recordings as xarray and pandas have them. Both are imported where they are needed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from . import _nematode
from .errors import wrong
from .optional import need

if TYPE_CHECKING:
    import pandas
    import xarray

# Dimensions of the observables after the frame.
_DIMS = {
    "midline": ("point", "axis"),
    "curvature": ("point",),
    "muscle_activation": ("muscle",),
    "senses": ("sense",),
}


def read(path: str | os.PathLike[str], *, particles: bool = False) -> xarray.Dataset:
    """A recording as an ``xarray.Dataset``, in SI units, each variable with its ``units``.

    Variables of a worm are ``midline`` (time, point, axis), ``curvature`` (time, point), ``muscle_activation``
    (time, muscle), ``senses`` (time, sense), ``center_of_mass`` (time, axis), ``relative_length`` and so on; with a network
    ``neurons`` and ``muscles``: membrane potentials over ``neurons_time`` and ``muscles_time``; with ``particles``
    ``position`` and ``velocity`` (time, particle, axis). Of a file that ``nematode lems --h5`` wrote: its reports.

    A run that was killed, or still goes on, is read as far as it is. Needs xarray; no HDF5 library.

    Raises InputError that says what is missing where the file is damaged or no recording.
    """
    xarray = need("xarray", "data")
    recording = _nematode.Recording(os.fspath(path))
    names = recording.names()
    if not any(name.startswith("observables/") for name in names):
        return _reports(recording, names)
    time = recording.times()
    variables, coordinates = {}, {"time": ("time", time, {"units": "s"}), "axis": ["x", "y", "z"]}
    for name in names:
        parts = name.split("/")
        if len(parts) == 3 and parts[0] == "observables" and parts[2] == "value":
            quantity = parts[1]
            values = (
                recording.centers() if quantity == "center_of_mass" else recording.values(f"observables/{quantity}")
            )
            # The unit stands on the value, or on its group in files of other versions.
            attributes = {"units": recording.unit(name) or ""}
            dims = _DIMS.get(quantity, ("axis",) if values.shape[1:] == (3,) else ())
            if not dims and values.ndim == 2 and values.shape[1] == 1:
                values = values[:, 0]
            variables[quantity] = (("time", *dims), values[: len(time)], attributes)
    for dim, list_of in (("muscle", "muscles"), ("sense", "senses")):
        if f"parameters/names/{list_of}" in names:
            coordinates[dim] = recording.texts(f"parameters/names/{list_of}")
    for neurons, name in ((True, "neurons"), (False, "muscles")):
        found = recording.potentials(neurons)
        if found is not None:
            cells, start, interval, values = found
            over, cell = f"{name}_time", "neuron" if neurons else "muscle_cell"
            coordinates[over] = (over, start + interval * _arange(len(values)), {"units": "s"})
            coordinates[cell] = cells
            variables[name] = ((over, cell), values, {"units": "V"})
    if particles:
        for quantity in ("position", "velocity"):
            if f"particles/sph/{quantity}/value" in names:
                values = recording.values(f"particles/sph/{quantity}")
                units = recording.unit(f"particles/sph/{quantity}/value") or ""
                variables[quantity] = (("time", "particle", "axis"), values[: len(time)], {"units": units})
    attributes = {"file": os.fspath(path)}
    for key in ("experiment_toml", "version", "argv"):
        if f"parameters/{key}" in names:
            attributes[key] = " ".join(recording.texts(f"parameters/{key}"))
    return xarray.Dataset(variables, coordinates, attributes)


def _arange(count):
    import numpy

    return numpy.arange(count)


def _reports(recording, names):
    """The reports of a network alone."""
    xarray = need("xarray", "data")
    variables, coordinates = {}, {}
    for name in names:
        parts = name.split("/")
        if len(parts) == 3 and parts[0] == "report" and parts[2] == "data":
            report = parts[1]
            columns = recording.texts(f"report/{report}/mapping/column")
            coordinates[f"{report}_column"] = columns
            units = recording.unit(name) or ""
            variables[report] = ((f"{report}_row", f"{report}_column"), recording.report(report), {"units": units})
    return xarray.Dataset(variables, coordinates)


def spikes(path: str | os.PathLike[str]) -> pandas.DataFrame:
    """The spikes of a recording as a pandas DataFrame: ``time`` [s], ``population`` and ``cell``, in the order of time."""
    pandas = need("pandas", "data")
    recording = _nematode.Recording(os.fspath(path))
    frames = []
    for neurons, name in ((True, "neurons"), (False, "muscles")):
        if f"spikes/{name}/timestamps" in recording.names():
            times, cells = recording.spikes(neurons)
            known = recording.texts(f"nodes/{name}/0/@library/name")
            frames.append(
                pandas.DataFrame({"time": times, "population": name, "cell": [known[cell] for cell in cells]})
            )
    if not frames:
        raise wrong(
            f"{path}: the recording of a worm without a network has no spikes", "record a worm with a [network]"
        )
    return pandas.concat(frames).sort_values("time", kind="stable", ignore_index=True)


def gait(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    start: float = float("-inf"),
    stop: float = float("inf"),
) -> pandas.DataFrame:
    """How recorded worms move, as ``nematode gait`` tells it: a pandas DataFrame, one row for each worm of each file.

    Files are recordings of the engine or of Tierpsy Tracker (HDF5), and WCON files. Numbers are SI; ``start`` and ``stop``
    [s] leave out what comes before and after. Where a track is too short for a gait, ``too_short`` says so.
    """
    pandas = need("pandas", "data")
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    rows = [row for path in paths for row in _nematode.gait(Path(path), start, stop)]
    frame = pandas.DataFrame(rows)
    first = ["file", "worm"]
    return frame[first + [column for column in frame.columns if column not in first]]
