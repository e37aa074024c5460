"""Two workers share the tests: those that mostly wait run one after the other in one lane, beside all that compute.

A test that lets a broker rest for a minute costs no processor; beside it the other worker has nearly both. Two tests
that are both paced by the clock never run at once, so that neither is late because of the other.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

WAITING = ("tests/chaos/", "tests/scenario/", "tests/integration/system/")
"""Folders whose tests stand in one lane, which begins first."""

SHARED = ("tests/browser/",)
"""Folders whose tests share one installation and stay together."""


def lane(nodeid: str) -> str:
    """What a test stays together with: the waiting ones, its folder, or its file."""
    if nodeid.startswith(WAITING):
        return "waiting"
    return next((folder for folder in SHARED if nodeid.startswith(folder)), nodeid.split("::", 1)[0])


class Lanes(LoadScopeScheduling):
    """Hands whole lanes to the workers, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return lane(nodeid)


class LanesPlugin:
    """Pytest plugin: puts the long lanes first and lets ``Lanes`` share them out."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """The waiting first, then what shares an installation, then file by file."""
        items.sort(key=lambda item: (not item.nodeid.startswith(WAITING), not item.nodeid.startswith(SHARED)))

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Producer) -> Lanes:
        """The scheduler of this run."""
        config.option.loadscopereorder = False
        return Lanes(config, log)
