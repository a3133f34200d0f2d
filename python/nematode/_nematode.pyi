"""What the engine gives to Python; users call what `nematode` makes of it."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Optional, Union, final

import numpy as np
import numpy.typing as npt
from typing_extensions import Self

__version__: str

_Path = Union[str, PathLike[str]]
_Source = tuple[_Path, Optional[str], list[str]]
"""A file or the name of a text, the text, and changes."""
_Floats = npt.NDArray[np.float64]
_Told = Optional[Callable[[int, int], object]]

class Worm:
    """A worm that is stepped from Python; see nematode.Worm."""

    def __new__(
        cls,
        source: _Source,
        controller: Optional[Callable[..., npt.ArrayLike]],
        senses: tuple[float, int],
        seed: Optional[int],
    ) -> Self: ...
    def step(self) -> None:
        """One step: sense, decide, fire, contract, move. Raises Diverged."""
    def steps(self, count: int) -> None:
        """As many calls of `step`, with the same bits and without Python in between; stops on Ctrl-C."""
    def observe(self, out: Optional[_Floats] = None) -> _Floats:
        """What the worm feels as it lies now, (121,) in the order of `sense_names`.

        A new array without a copy, or `out`, written over. The first half of the next step (sense, decide, fire) is done by
        this, once: a network is one step ahead afterwards.
        """
    def drive(self, drives: Union[npt.ArrayLike, dict[str, float], None]) -> None:
        """Holds drives of muscles from the next step on, over what a network or controller drives.

        95 numbers in the order of `drive_names`, not a number where a muscle is to follow its own; or a dict of some by name,
        added to what is held; or None to let all go. What is outside of `drive_range` is clipped.
        """
    def reset(self, seed: Optional[int] = None) -> None:
        """Straight and at rest again, at time 0, nothing held; `seed` is that of the noise on senses."""
    @property
    def sense_names(self) -> tuple[str, ...]: ...
    @property
    def drive_names(self) -> tuple[str, ...]: ...
    @property
    def drive_range(self) -> tuple[float, float]:
        """Lowest and highest drive that have an effect."""
    @property
    def time(self) -> float:
        """Simulated time [s]."""
    @property
    def dt(self) -> float:
        """Length of a step [s]."""
    @property
    def length(self) -> float:
        """Of the body at rest [m]."""
    def midline(self, points: int = 49) -> _Floats:
        """Points at equal distances from head to tail [m], (points, 3)."""
    def curvature(self, points: int = 49) -> _Floats:
        """Curvature there [1/m], positive to the back, (points,)."""
    def center(self) -> _Floats:
        """Centre of mass [m], (3,)."""
    def heading(self) -> _Floats:
        """From the middle of the rear half to that of the front half, of length 1, (3,)."""
    def particles(self) -> _Floats:
        """Particles, or the ends of rods [m], (particles, 3); a copy, for the body moves on."""
    def muscles(self) -> _Floats:
        """Activation of each muscle, 0 to 1, (95,); a copy, for the muscles go on."""
    def read(self, path: str) -> float:
        """A variable of the network by its path, SI: `read("AVBL/v")`."""
    @property
    def state_hash(self) -> str:
        """SHA-256 of every number of the state, to compare worms bit for bit."""
    def _felt(self) -> _Floats: ...
    def _advance(self, count: int) -> tuple[float, float, float, Optional[str]]: ...
    def _time_of_steps(self, count: int) -> float: ...

@final
class Team:
    """Worms side by side; see nematode.gym.WormVectorEnv."""

    def __new__(
        cls,
        count: int,
        source: _Source,
        senses: tuple[float, int],
        threads: int,
    ) -> Team: ...
    def reset(self, which: Sequence[int], seeds: Sequence[Optional[int]]) -> _Floats: ...
    def advance(
        self, drives: npt.ArrayLike, count: int, playing: Sequence[bool]
    ) -> tuple[_Floats, _Floats, _Floats, _Floats, list[Optional[str]]]: ...
    def state_hashes(self) -> list[str]: ...

@final
class Recording:
    """A reader of recordings; see nematode.read."""

    def __new__(cls, path: _Path) -> Recording: ...
    def names(self) -> list[str]: ...
    def times(self) -> _Floats: ...
    def values(self, name: str) -> npt.NDArray[np.float32]: ...
    def report(self, name: str) -> npt.NDArray[np.float32]: ...
    def centers(self) -> _Floats: ...
    def texts(self, name: str) -> list[str]: ...
    def unit(self, name: str) -> Optional[str]: ...
    def potentials(self, neurons: bool) -> Optional[tuple[list[str], float, float, npt.NDArray[np.float32]]]: ...
    def spikes(self, neurons: bool) -> tuple[_Floats, npt.NDArray[np.uint64]]: ...

def run(
    source: _Source, options: dict[str, Any], controller: Optional[Callable[..., npt.ArrayLike]], told: _Told
) -> dict[str, Any]: ...
def lems(file: _Path, options: dict[str, Any], told: _Told) -> dict[str, Any]: ...
def gait(path: _Path, start: float, stop: float) -> list[dict[str, Any]]: ...
def check_gait_row(name: str) -> None: ...
