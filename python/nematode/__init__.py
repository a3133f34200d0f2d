"""nematode: C. elegans simulated, 302 neurons and 95 muscles in an elastic body, coupled both ways.

>>> import nematode
>>> worm = nematode.Worm(nematode.experiment("rod_wave"))
>>> worm.steps(400)
>>> worm.midline()  # (49, 3), in metres

Units are SI; texts carry their unit ("10 s").
"""

from . import _nematode
from .errors import Diverged, InputError, NematodeError, Problem, SystemRefused
from .experiments import MODELS, experiment, to_toml
from .recordings import gait, read, spikes
from .runs import Column, Events, Finished, Lems, lems, run
from .worm import Worm

__version__ = _nematode.__version__

__all__ = [
    "MODELS",
    "Column",
    "Diverged",
    "Events",
    "Finished",
    "InputError",
    "Lems",
    "NematodeError",
    "Problem",
    "SystemRefused",
    "Worm",
    "experiment",
    "gait",
    "lems",
    "read",
    "run",
    "spikes",
    "to_toml",
]
