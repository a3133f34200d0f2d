"""Where the repository is, for tests that open files of it."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def repository():
    return Path(__file__).resolve().parents[2]
