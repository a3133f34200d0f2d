"""How far long work is: tqdm's bar where tqdm is installed, a line of our own where it is not."""

import sys
import time


class _Line:
    """A line on stderr that is written over; nothing where stderr is no terminal."""

    def __init__(self, what):
        self.what, self.begun, self.shown = what, time.monotonic(), sys.stderr.isatty()

    def __call__(self, done, total):
        if self.shown and total:
            seconds = time.monotonic() - self.begun
            left = seconds * (total - done) / done if done else float("inf")
            print(f"\r{self.what}: {done / total:4.0%}, {seconds:.0f} s, {left:.0f} s left", end="", file=sys.stderr)

    def close(self):
        if self.shown:
            print("\r\033[K", end="", file=sys.stderr)


class _Bar:
    def __init__(self, what, unit, tqdm):
        self.bar = tqdm(desc=what, unit=f" {unit}s", unit_scale=unit == "step", leave=False)

    def __call__(self, done, total):
        self.bar.total = total
        self.bar.update(done - self.bar.n)

    def close(self):
        self.bar.close()


class _Asked:
    """A function of the caller's: ``told(done, total)``."""

    def __init__(self, told):
        self.told = told

    def __call__(self, done, total):
        self.told(done, total)

    def close(self):
        pass


def of(progress, what, unit="step"):
    """A teller of progress, or None where none is wanted."""
    if callable(progress):
        return _Asked(progress)
    if not progress:
        return None
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _Line(what)
    return _Bar(what, unit, tqdm)
