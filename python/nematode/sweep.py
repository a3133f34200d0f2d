"""An experiment many times over: on a grid, by chance or by an optimiser; one row of a table and one recording for each.

>>> from nematode.sweep import sweep
>>> table = sweep("crawl.toml", {"body.mixture": [0.02, 0.1, 1.0]}, out="mixtures", workers=2)

A folder holds all of it::

    plan.json                 what was asked for; the same sweep goes on where it was stopped, another is refused
    rows/0000/000012.json     one row, written when its run is whole; a thousand in each folder
    runs/0000/000012.h5       its recording
    table.parquet             all rows, in the order of the points

A run is whole or it is not: its row is written after its recording, under its name in one move. So a worker or a sweep that
is killed loses what it had in hand and nothing else, and no point has two rows. See docs/sweeps.md.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _nematode, designs
from . import progress as _progress
from . import workers as _workers
from .errors import Diverged, InputError, wrong
from .experiments import Experiment, source
from .optional import need
from .runs import Progress, run

if TYPE_CHECKING:
    import pandas

__all__ = ["slurm", "sweep"]


def _row(folder, index):
    """The file of a row, below the sweep's folder: no folder may hold a million files."""
    return Path(folder) / "rows" / f"{index // 1000:04}" / f"{index:06}.json"


def _rows(folder):
    return sorted(Path(folder).glob("rows/*/[0-9]*.json"))


def run_point(folder, index, point, plan):
    """Runs one point and writes its row; gives the row. What has a row already is not run again."""
    file = _row(folder, index)
    if file.exists():
        return json.loads(file.read_text())
    name = f"runs/{index // 1000:04}/{index:06}.h5"
    recording = Path(folder) / name
    for needed in (file, recording):
        needed.parent.mkdir(parents=True, exist_ok=True)
    row = {"index": index, "point": point, "status": "done", "problem": None, "recording": name}
    path, text = plan["path"], plan["text"]
    try:
        finished = run(
            path if text is None else _Text(path, text),
            recording,
            plan["duration"],
            set={**plan["set"], **point},
            progress=False,
        )
    except Diverged as error:
        row |= {"status": "diverged", "problem": str(error)}
    except InputError as error:
        row |= {"status": "wrong", "problem": str(error), "recording": None}
    else:
        row |= {
            "gait": finished.gait,
            "steps": finished.steps,
            "wall": finished.wall,
            "size": finished.size,
            "largest_activation": finished.largest_activation,
            "state_hash": finished.state_hash,
        }
    if not plan["recordings"]:
        recording.unlink(missing_ok=True)
        row["recording"] = None
    _write(file, row)
    return row


class _Text:
    """An experiment that was a dict, as the text that was made of it."""

    def __init__(self, path, text):
        self.path, self.text = path, text


def _write(file, value):
    """Whole or not at all, also where two processes write the same."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_text(json.dumps(value, allow_nan=True))
    os.replace(part, file)


def sweep(
    experiment: Experiment,
    vary: Mapping[str, Any],
    out: str | os.PathLike[str],
    *,
    samples: int | None = None,
    seed: int = 0,
    maximise: str | None = None,
    minimise: str | None = None,
    trials: int = 100,
    duration: str | None = None,
    set: Mapping[str, Any] | None = None,
    beside: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    engine: str = "processes",
    scheduler: str | None = None,
    retries: int = 3,
    recordings: bool = True,
    shard: tuple[int, int] | None = None,
    progress: Progress = True,
) -> pandas.DataFrame:
    """Runs a sweep, or goes on with one, and gives its table as a pandas DataFrame, one row for each point.

    experiment, set, beside, duration
        As of :func:`nematode.run`.
    vary
        A dict of dotted keys: a list of values, or a text as :mod:`nematode.designs` has it. All combinations are run; or,
        with ``samples``, so many points by chance, of this ``seed``; or, with ``maximise`` or ``minimise``, a row of the
        gait, so many ``trials`` of Optuna (TPE), of which as many are under way as there are workers.
    out
        The folder.
    workers, engine, scheduler
        How many at once, by default one for each core; ``"processes"`` of this machine or ``"dask"``: a cluster on this
        machine, or the one of the ``scheduler`` at that address. Each run has one thread.
    retries
        How often a run is tried again whose worker was killed or had no disk.
    recordings
        Whether recordings are kept, or only their rows.
    shard
        (i, n): only every n-th point from the i-th on, in this process: one job of an array.

    A run that diverges, or a point that the experiment refuses, has a row that says so. Raises InputError where the first
    point is refused, or the folder has another sweep.
    """
    varied = [designs.vary(key, spec) for key, spec in vary.items()]
    plan = _plan(experiment, beside, set, duration, recordings, varied, samples, seed, maximise, minimise, trials)
    if plan["optimise"] is not None and shard is not None:
        raise wrong("an optimiser learns from all points, so a shard of them can't be run alone", "leave out the shard")
    # Before anything is written: the first point, or the middle of what an optimiser may ask for.
    _check(plan, plan["points"][0] if plan["points"] else {one.key: one.at(0.5) for one in varied})
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    _same_plan(folder, plan)
    plan = json.loads((folder / "plan.json").read_text())
    points = plan["points"]
    # Each task takes along what it needs, not the points of all.
    needed = {key: plan[key] for key in ("path", "text", "set", "duration", "recordings")}
    told = _progress.of(progress, folder.name, "run")
    total = plan["trials"] if points is None else len(points)
    if shard is not None:
        first, step = shard
        mine = range(first, total, step)
        total, engine = len(mine), "here"
    else:
        mine = range(total)
    study = None
    try:
        if points is None:
            study = _Study(plan, varied)
            tasks = _asked(study, folder.resolve(), needed, mine)
        else:
            left = (index for index in mine if not _row(folder, index).exists())
            tasks = ((index, run_point, (str(folder.resolve()), index, points[index], needed)) for index in left)
        count = sum(_row(folder, index).exists() for index in mine)
        if told is not None:
            told(count, total)
        if count < total:
            with _workers.without_main():
                for index, row in _workers.done(_engine(engine, workers, scheduler), tasks, retries):
                    count += 1
                    if study is not None:
                        study.tell(index, row)
                    if told is not None:
                        told(count, total)
    finally:
        if told is not None:
            told.close()
    if shard is not None and len(_rows(folder)) < len(points):
        return _frame([_row(folder, index) for index in mine])
    return table(folder)


def _engine(engine, workers, scheduler):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if engine == "here":
        return _workers.Here()
    if engine == "processes":
        return _workers.Processes(workers or cores)
    if engine == "dask":
        return _workers.Dask(workers or cores, scheduler)
    raise wrong(f'there is no engine "{engine}"', 'give "processes" or "dask"')


def _plan(experiment, beside, set, duration, recordings, varied, samples, seed, maximise, minimise, trials):
    if not varied:
        raise wrong("nothing varies in this sweep", "give at least one key with its values")
    if sum(asked is not None for asked in (samples, maximise, minimise)) > 1:
        raise wrong("a sweep is by chance or by an optimiser, which has one goal", "give one of them")
    path, text, _ = source(experiment, beside)
    goal = maximise or minimise
    if goal is not None:
        _nematode.check_gait_row(goal)
        points = None
    elif samples is not None:
        points = designs.random(varied, samples, seed)
    else:
        points = designs.grid(varied)
    told = Path(path).read_text() if text is None and Path(path).is_file() else text
    return {
        "path": path if text is not None else str(Path(path).resolve()),
        "text": text,
        "hash": hashlib.sha256((told or "").encode()).hexdigest(),
        "version": _nematode.__version__,
        "set": dict(set or {}),
        "duration": duration,
        "recordings": recordings,
        "points": points,
        "optimise": None if goal is None else {"row": goal, "highest": maximise is not None},
        "seed": seed,
        "trials": trials if goal is not None else None,
        "vary": [[one.key, one.values, one.low, one.high, one.unit, one.log] for one in varied],
    }


def _same_plan(folder, plan):
    """Keeps the plan in the folder, or refuses another one's."""
    file = folder / "plan.json"
    wanted = json.dumps(plan, indent=1)
    if not file.exists():
        _write(file, plan)
    # More trials of the same search are no other search.
    else:
        found = json.loads(file.read_text())
        fresh = json.loads(wanted)
        differ = [key for key in fresh if key != "trials" and not _same(found.get(key), fresh[key])]
        if differ:
            mend = "give another folder, or the same sweep to go on with it"
            raise wrong(f"{folder}: another sweep's; it differs in {', '.join(differ)}", mend)
        if found.get("trials") != fresh["trials"]:
            _write(file, plan)


def _same(one, other):
    # Ends of lists of values are not numbers, which are not even equal to themselves.
    return json.dumps(one) == json.dumps(other)


def _check(plan, point):
    """Whether the engine takes a point, before hundreds are sent out."""
    from .worm import Worm

    experiment = plan["path"] if plan["text"] is None else _Text(plan["path"], plan["text"])
    Worm(experiment, set={**plan["set"], **point})


class _Study:
    """Optuna's study, which is told what the rows say; a study that was stopped is told again."""

    def __init__(self, plan, varied):
        optuna = need("optuna", "sweep")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.optuna, self.varied, self.goal = optuna, varied, plan["optimise"]
        direction = "maximize" if self.goal["highest"] else "minimize"
        # Points that are under way count as poor, so that several workers do not try the same one.
        sampler = optuna.samplers.TPESampler(seed=plan["seed"], constant_liar=True)
        self.study = optuna.create_study(direction=direction, sampler=sampler)
        self.asked = {}

    def value(self, row):
        """What a row is worth; None where the run has no such number."""
        value = (row.get("gait") or {}).get(self.goal["row"])
        return value if value is not None and math.isfinite(value) else None

    def ask(self, index):
        self.asked[index] = self.study.ask()
        return designs.suggest(self.asked[index], self.varied)

    def tell(self, index, row):
        value = self.value(row)
        state = self.optuna.trial.TrialState.FAIL if value is None else None
        if index in self.asked:
            self.study.tell(self.asked.pop(index), value, state)
            return
        numbers = {}
        for one in self.varied:
            known = row["point"][one.key]
            numbers[one.key] = known if one.values is not None else float(str(known).split()[0])
        state = self.optuna.trial.TrialState.FAIL if value is None else self.optuna.trial.TrialState.COMPLETE
        trial = self.optuna.trial.create_trial(
            params=numbers, distributions=designs.distributions(self.varied), value=value, state=state
        )
        self.study.add_trial(trial)


def _asked(study, folder, needed, mine):
    """Points as the optimiser asks for them, each when a worker has room for it."""
    for index in mine:
        file = _row(folder, index)
        if file.exists():
            study.tell(index, json.loads(file.read_text()))
    for index in mine:
        if not _row(folder, index).exists():
            yield index, run_point, (str(folder), index, study.ask(index), needed)


def table(folder: str | os.PathLike[str]) -> pandas.DataFrame:
    """The table of a sweep's folder as a pandas DataFrame, also of one that is not over; written as Parquet when all rows
    are there."""
    folder = Path(folder)
    plan = json.loads((folder / "plan.json").read_text())
    files = _rows(folder)
    frame = _frame(files)
    if len(files) == (plan["trials"] if plan["points"] is None else len(plan["points"])):
        part = folder / f".table.{os.getpid()}"
        frame.to_parquet(part, index=False)
        os.replace(part, folder / "table.parquet")
    return frame


def _frame(files):
    """Rows as a table."""
    pandas = need("pandas", "sweep")
    rows = [json.loads(file.read_text()) for file in files]
    data = {"index": [row["index"] for row in rows], **designs.columns([row["point"] for row in rows])}
    for key in ("status", "problem", "recording", "steps", "wall", "size", "largest_activation", "state_hash"):
        data[key] = [row.get(key) for row in rows]
    gaits = [row.get("gait") or {} for row in rows]
    for name in dict.fromkeys(name for gait in gaits for name in gait):
        data[name] = [gait.get(name) for gait in gaits]
    return pandas.DataFrame(data)


def slurm(
    argv: list[str], jobs: int, *, name: str = "nematode-sweep", time: str = "01:00:00", python: str | None = None
) -> str:
    """A Slurm job array that runs the sweep of a command line, ``jobs`` shards of it, as a script."""
    words = [python or sys.executable, "-m", "nematode", "sweep", *argv]
    return f"""#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --array=0-{jobs - 1}
#SBATCH --cpus-per-task=1
#SBATCH --time={time}
#SBATCH --requeue

# Each job runs every {jobs}th point, and leaves out what has its row; so the same script goes on with what was lost.
# The last job to end writes table.parquet.
{shlex.join(words)} --shard "$SLURM_ARRAY_TASK_ID/{jobs}"
"""
