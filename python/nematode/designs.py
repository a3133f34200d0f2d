"""Which points a sweep has: values of an experiment's keys, on a grid or by chance.

What varies is written as on the command line::

    body.mixture=0.02,0.1,1                              these values
    controller.traveling_wave.frequency=0.2 Hz..1 Hz:5   five at equal distances, ends included
    body.mixture=log 0.02..1:5                           five at equal ratios
    body.mixture=log 0.02..1                             a range, of which a random design or an optimiser takes values
"""

import math
import re
from dataclasses import dataclass
from itertools import product
from typing import Optional

from .errors import wrong

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"\s*(log\s+)?({_NUMBER})\s*(.*?)\s*\.\.\s*({_NUMBER})\s*(.*?)\s*(?::\s*(\d+))?\s*")
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*(.*?)\s*")


@dataclass(frozen=True)
class Varied:
    """One key and its values."""

    key: str
    """Dotted, as the command's ``--set`` has it."""
    values: Optional[tuple] = None
    """The values, or None for a range."""
    low: float = math.nan
    high: float = math.nan
    unit: str = ""
    log: bool = False

    def value(self, number):
        """A number of the range as the experiment has it: a text with the unit, or a number where there is none."""
        return f"{float(number)!r} {self.unit}" if self.unit else float(number)

    def at(self, share):
        """The value at a share, 0 to 1, of the range, or of the list."""
        if self.values is not None:
            return self.values[min(int(share * len(self.values)), len(self.values) - 1)]
        return self.value(self.number(share))

    def number(self, share):
        """The number at a share of the range."""
        if self.log:
            return self.low * (self.high / self.low) ** share
        return self.low + (self.high - self.low) * share


def vary(key, spec):
    """A :class:`Varied` of a list of values, or of a text as above.

    Raises InputError where the text is neither, or a range is empty.
    """
    if not isinstance(spec, str):
        values = tuple(value.item() if hasattr(value, "item") else value for value in spec)
        if not values:
            raise wrong(f"{key} has no values", "give at least one")
        return Varied(key, values)
    match = _RANGE.fullmatch(spec)
    if match is None:
        return Varied(key, tuple(_plain(text) for text in spec.split(",")))
    log, low, low_unit, high, high_unit, count = match.groups()
    low, high, unit = float(low), float(high), high_unit or low_unit
    if low_unit not in ("", unit):
        raise wrong(f'{key}: "{spec}" has two units', f"give both ends in {unit}")
    if not low < high or (log and low <= 0.0):
        raise wrong(f'{key}: "{spec}" is no range', "give the lower end first; a logarithmic one begins above zero")
    whole = Varied(key, None, low, high, unit, log is not None)
    if count is None:
        return whole
    if int(count) < 2:
        raise wrong(f'{key}: "{spec}" has fewer values than ends', "give 2 or more")
    # As a person would write them: the last digits of a quotient mean nothing here.
    numbers = [float(f"{whole.number(step / (int(count) - 1)):.12g}") for step in range(int(count))]
    return Varied(key, tuple(map(whole.value, numbers)))


def _plain(text):
    text = text.strip()
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return {"true": True, "false": False}.get(text, text)


def grid(varied):
    """Every combination, the last key running fastest."""
    open_ones = [one.key for one in varied if one.values is None]
    if open_ones:
        mend = "give how many values, low..high:5, or ask for a random design or an optimiser"
        raise wrong(f"a grid has values, and {', '.join(open_ones)} has a range", mend)
    return [dict(zip([one.key for one in varied], values)) for values in product(*(one.values for one in varied))]


def random(varied, samples, seed):
    """So many points by chance: even in ranges (in their logarithm, where they say so) and lists. One seed, one design."""
    import numpy

    if samples < 1:
        raise wrong(f"a random design of {samples} points", "give 1 or more")
    shares = numpy.random.default_rng(seed).random((samples, len(varied)))
    return [{one.key: one.at(float(share)) for one, share in zip(varied, row)} for row in shares]


def suggest(trial, varied):
    """The point of an Optuna trial."""
    point = {}
    for one in varied:
        if one.values is not None:
            point[one.key] = trial.suggest_categorical(one.key, one.values)
        else:
            point[one.key] = one.value(trial.suggest_float(one.key, one.low, one.high, log=one.log))
    return point


def distributions(varied):
    """The same, as Optuna's distributions."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    return {
        one.key: FloatDistribution(one.low, one.high, log=one.log)
        if one.values is None
        else CategoricalDistribution(one.values)
        for one in varied
    }


def columns(points):
    """The points as columns of a table: numbers where all values of a key have one unit, which its name then tells."""
    table = {}
    for key in points[0] if points else ():
        values = [point[key] for point in points]
        parts = [_QUANTITY.fullmatch(value) if isinstance(value, str) else None for value in values]
        units = {part.group(2) if part else None for part in parts}
        if len(units) == 1 and None not in units:
            unit = units.pop()
            table[f"{key} [{unit}]" if unit else key] = [float(part.group(1)) for part in parts]
        elif all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
            table[key] = [float(value) for value in values]
        else:
            table[key] = [str(value) for value in values]
    return table
