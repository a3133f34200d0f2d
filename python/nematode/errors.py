"""What can go wrong, with the place and the mend that the command line tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in what a user wrote."""

    message: str
    """What was expected and what was found."""
    file: str | None = None
    """The file in which it stands; ``<dict>`` for an experiment that is a dict."""
    line: int | None = None
    """From 1."""
    column: int | None = None
    """In characters, from 1."""
    mend: str | None = None
    """What to do about it."""

    @property
    def expected(self) -> str:
        """What was expected, and what was found: ``message``."""
        return self.message

    def __str__(self) -> str:
        place = "" if self.file is None else f"{self.file}:{self.line}:{self.column}: "
        mend = "" if self.mend is None else f"\n  help: {self.mend}"
        return f"{place}{self.message}{mend}"


class NematodeError(Exception):
    """What the engine raises; its text is what the command line prints."""

    def __str__(self) -> str:
        return self.args[0] if self.args else ""


class InputError(NematodeError, ValueError):
    """The input is wrong: nothing was run, nothing written. The command exits with 2."""

    def __init__(self, message: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__(message, list(problems))

    @property
    def problems(self) -> list[Problem]:
        """Every problem that was found, as a list of :class:`Problem`."""
        return self.args[1]


class Diverged(NematodeError, ArithmeticError):
    """The run diverged; what was recorded is readable. The command exits with 3."""

    def __init__(
        self, message: str, time: float | None = None, what: str | None = None, mend: str | None = None
    ) -> None:
        super().__init__(message, time, what, mend)
        self.time, self.what, self.mend = time, what, mend


class SystemRefused(NematodeError, RuntimeError):
    """The operating system refused while running, as when the disk is full. The command exits with 4."""

    def __init__(
        self, message: str, file: str | None = None, action: str | None = None, reason: str | None = None
    ) -> None:
        super().__init__(message, file, action, reason)
        self.file, self.action, self.reason = file, action, reason


def wrong(message: str, mend: str | None = None) -> InputError:
    """The error of one problem without a place."""
    problem = Problem(message, mend=mend)
    return InputError(str(problem), [problem])
