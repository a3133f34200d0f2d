"""Whole runs: experiments with their recordings, and LEMS simulations."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _nematode
from . import progress as _progress
from .errors import wrong
from .experiments import Experiment, Set, source
from .optional import need

if TYPE_CHECKING:
    import numpy
    import pandas

Progress = bool | Callable[[int, int], Any]


@dataclass(frozen=True)
class Finished:
    """What a run amounts to."""

    file: Path
    """The recording."""
    gait: dict[str, Any] | None
    """Rows of the gait by name in SI units, a row None where there is none; None where the run is too short for one."""
    too_short: str | None
    """Why there is no gait."""
    steps: int
    simulated: float
    """Simulated time [s], and wall time of the stepping [s]."""
    wall: float
    size: int
    """Of the recording [bytes]."""
    largest_activation: float
    muscles_active: int
    """How many of 95 muscles went above a tenth."""
    density_error: float | None
    """Largest density error of the liquid, as a fraction, where the body has liquid."""
    spikes: tuple[int, int] | None
    """Of neurons and of muscles, where there is a network."""
    state_hash: str
    """SHA-256 of the final state, the same on any number of threads."""


def run(
    experiment: Experiment,
    out: str | os.PathLike[str] | None = None,
    duration: str | None = None,
    *,
    set: Set = None,
    beside: str | os.PathLike[str] | None = None,
    threads: int = 1,
    checkpoint: str | None = None,
    resume: str | os.PathLike[str] | None = None,
    controller: Callable[..., Any] | None = None,
    progress: Progress = True,
) -> Finished:
    """Runs an experiment and writes its recording, as ``nematode run`` does; gives a :class:`Finished`.

    experiment, set, beside, controller
        As of :class:`nematode.Worm`.
    out
        The recording; by default what the experiment says.
    duration, checkpoint
        Texts with units: how long to simulate, and how often to keep a state to go on from.
    resume
        A recording of the same experiment with a checkpoint, to be gone on with in its place.
    progress
        True for a bar (tqdm's, where it is installed), False for none, or a callable ``progress(done, total)``.

    Raises InputError, Diverged or SystemRefused; KeyboardInterrupt after Ctrl-C, once the recording is closed.
    """
    origin = path, text, changed = source(experiment, beside, set)
    argv = ["nematode", "run", path]
    for change in changed:
        argv += ["--set", change]
    for option, value in (("--out", out), ("--duration", duration), ("--checkpoint", checkpoint)):
        argv += [] if value is None else [option, os.fspath(value)]
    if text is not None or controller is not None:
        # No command could run it; what it is stands in the recording.
        argv = ["nematode.run"]
    told = _progress.of(progress, Path(out or path).name)
    try:
        options = {
            "out": out,
            "duration": duration,
            "threads": threads,
            "checkpoint": checkpoint,
            "resume": resume,
            "argv": argv,
        }
        row = _nematode.run(origin, options, controller, told)
    finally:
        if told is not None:
            told.close()
    row["file"] = Path(row["file"])
    return Finished(**row)


@dataclass(frozen=True)
class Column:
    """One quantity over time."""

    id: str
    quantity: str
    """Its path in the network."""
    unit: str
    """Of its numbers, SI; "unknown" where the file does not say."""
    values: numpy.ndarray = field(repr=False)


@dataclass(frozen=True)
class Events:
    """Events of cells in the order of time."""

    ids: list[str]
    times: numpy.ndarray
    """[s]"""
    cells: numpy.ndarray
    """Whose each is, as a place in ``ids``."""


@dataclass(frozen=True)
class Lems:
    """What a LEMS simulation computed."""

    time: numpy.ndarray = field(repr=False)
    """Of each row [s]."""
    files: dict[str, list[Column]]
    """Of each output file that the simulation names, its columns in order; no file is written."""
    events: dict[str, Events]
    """Of each file of events that it names, an :class:`Events`."""

    def __getitem__(self, name: str) -> numpy.ndarray:
        """The numbers of the column of that id or quantity; with several of that name, the first."""
        columns = [column for columns in self.files.values() for column in columns]
        for column in columns:
            if name in (column.id, column.quantity):
                return column.values
        raise KeyError(f"no column {name!r}; there are {', '.join(column.id for column in columns)}")

    def to_pandas(self) -> pandas.DataFrame:
        """All columns as a pandas DataFrame over time; columns of the same id get the name of their file in front."""
        pandas = need("pandas", "data")
        ids = [column.id for columns in self.files.values() for column in columns]
        data = {}
        for file, columns in self.files.items():
            for column in columns:
                data[column.id if ids.count(column.id) == 1 else f"{file}:{column.id}"] = column.values
        return pandas.DataFrame(data, index=pandas.Index(self.time, name="time"))


def lems(
    file: str | os.PathLike[str],
    *,
    dt: str | None = None,
    duration: str | None = None,
    method: str = "exponential",
    seed: int | None = None,
    replicas: int | None = None,
    parameters: str | os.PathLike[str] | None = None,
    progress: Progress = False,
) -> Lems:
    """Runs a LEMS/NeuroML simulation as it is and gives its columns as numpy arrays, in SI units; writes nothing.

    dt, duration
        Texts with units, instead of what the file says.
    method
        ``"exponential"`` (second order), ``"rk4"`` (fourth order, explicit) or ``"euler"``.
    replicas, parameters
        So many copies as one network, which differ by seed or by the rows of a CSV file; each has files of its own.

    Raises InputError with every problem of the files, or Diverged.
    """
    file = os.fspath(file)
    for name, value in (("dt", dt), ("duration", duration)):
        if value is not None and not isinstance(value, str):
            raise wrong(f"{name}: a time is a text with a unit, found {value!r}", f'give {name}="{value} s"')
    told = _progress.of(progress, Path(file).name)
    try:
        options = {
            "dt": dt,
            "duration": duration,
            "method": method,
            "seed": seed,
            "replicas": replicas,
            "parameters": parameters,
        }
        found = _nematode.lems(file, options, told)
    finally:
        if told is not None:
            told.close()
    files = {name: [Column(*column) for column in columns] for name, columns in found["tables"]}
    return Lems(found["time"], files, {name: Events(*rest) for name, *rest in found["trains"]})
