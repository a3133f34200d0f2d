"""One worm, stepped by hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from . import _nematode
from .experiments import Experiment, Set, source


class Worm(_nematode.Worm):
    """A worm of an experiment, straight and at rest, to be stepped from Python.

    experiment
        The TOML file of an experiment, or a dict of what such a file has. It may have neither ``[controller]`` nor
        ``[network]``: then only :meth:`drive` moves it.
    set
        Values to change, by dotted key, as the command's ``--set``: ``{"body.mixture": 0.5}``.
    controller
        A callable ``controller(time, senses) -> drives`` in the place of the experiment's own, called once a step. Its
        attributes ``senses`` and ``drives`` are the names that it reads and writes; all of them where it has none.
    beside
        For a dict: the folder from which paths in it are seen; by default where the program runs.
    sense_noise, sense_delay, seed
        Senses with normal noise of that deviation on curvature times length, that many steps late; the seed of the noise.

    Raises InputError with every problem of the experiment.
    """

    def __new__(
        cls,
        experiment: Experiment,
        *,
        set: Set = None,
        controller: Callable[..., Any] | None = None,
        beside: str | os.PathLike[str] | None = None,
        sense_noise: float = 0.0,
        sense_delay: int = 0,
        seed: int | None = None,
    ) -> Worm:
        return super().__new__(cls, source(experiment, beside, set), controller, (sense_noise, sense_delay), seed)

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def __repr__(self) -> str:
        return f"<nematode.Worm at {self.time:.3f} s, {1e3 * self.length:.2f} mm>"
