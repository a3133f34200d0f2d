"""Packages that only some of this one needs."""

from importlib import import_module
from types import ModuleType


def need(name: str, extra: str) -> ModuleType:
    """The package of that name; where it is missing, an ImportError that says how to get it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(f"this needs the package `{name}`: pip install 'nematode[{extra}]'", name=name) from error
