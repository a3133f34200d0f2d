"""Experiments: those that come with the package, and dicts in the place of files."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Union

from .errors import wrong

MODELS = Path(__file__).parent / "data" / "models"
"""The folder of worms, media, senses and experiments that come with the package."""

Experiment = Union[str, "os.PathLike[str]", dict[str, Any]]
"""A file, or a dict of what such a file has."""

Set = Union[Mapping[str, Any], Sequence[str], None]
"""Changes: a dict of dotted keys, or texts ``key=value``."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def experiment(name: str) -> Path:
    """The file of an experiment that comes with the package: ``experiment("crawl")``.

    Raises InputError with the nearest name where there is none.
    """
    folder = MODELS / "experiments"
    file = folder / f"{name}.toml"
    if file.is_file():
        return file
    known = sorted(path.stem for path in folder.glob("*.toml"))
    near = difflib.get_close_matches(str(name), known, 1)
    mend = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(known)}"
    raise wrong(f'no experiment of the name "{name}" comes with the package', mend)


def to_toml(values: dict[str, Any]) -> str:
    """The text of the file that a dict stands for; errors give places in it."""
    lines: list[str] = []
    _write_table(values, (), lines)
    return "\n".join(lines) + "\n"


def source(experiment: Any, beside: Any = None, set: Set = None) -> tuple[str, str | None, list[str]]:
    """The path, for a dict its text, and the changes of an experiment, as the engine takes them."""
    if hasattr(experiment, "text"):
        path, text = experiment.path, experiment.text
    elif isinstance(experiment, dict):
        path, text = str(Path(beside or "") / "<dict>"), to_toml(experiment)
    else:
        path, text = os.fspath(experiment), None
    return path, text, changes(set)


def changes(set: Set) -> list[str]:
    """Changes as the command's ``--set`` takes them, from a dict of dotted keys or a list of ``key=value``."""
    if not set:
        return []
    if isinstance(set, dict):
        return [f"{key}={_value(value, key)}" for key, value in set.items()]
    return [str(change) for change in set]


def _plain(value):
    """A numpy scalar or array as Python has it; a path as text."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.tolist() if hasattr(value, "tolist") else value


def _is_tables(value):
    return isinstance(value, (list, tuple)) and len(value) > 0 and all(isinstance(item, dict) for item in value)


def _write_table(table, path, lines):
    table = {key: _plain(value) for key, value in table.items()}
    for key, value in table.items():
        if not isinstance(value, dict) and not _is_tables(value):
            lines.append(f"{_key(key)} = {_value(value, key)}")
    for key, value in table.items():
        name = ".".join(map(_key, (*path, key)))
        if isinstance(value, dict):
            lines.append(f"[{name}]")
            _write_table(value, (*path, key), lines)
        elif _is_tables(value):
            for item in value:
                lines.append(f"[[{name}]]")
                _write_table(item, (*path, key), lines)


def _key(key):
    return key if _BARE.fullmatch(key) else _text(key)


def _text(text):
    # A basic string of TOML is one of JSON, but for the one control character that JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value, key):
    value = _plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item, key) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(inner)} = {_value(item, inner)}" for inner, item in value.items()) + "}"
    mend = "leave the key out" if value is None else "give a text with its unit, a number, a list or a dict"
    raise wrong(f"`{key}` is a {type(value).__name__}, which no experiment has", mend)
