"""Syntax trees are kept for the tests of this folder alone: those of the whole project take 170 MB."""

from collections.abc import Iterator

import pytest

from tests.architecture.sources import tree_of


@pytest.fixture(scope="package", autouse=True)
def kept_trees() -> Iterator[None]:
    """Forget them after the folder."""
    yield
    tree_of.cache_clear()
