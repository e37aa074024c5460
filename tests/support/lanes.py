"""Five workers share the tests; tests that mostly wait run one after the other in three lanes beside the rest.

A test that lets a broker rest for a minute costs no processor; beside it the others have nearly all of it. With
fewer lanes two cores are half idle, with more a process may not start in the time that it is given.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

WAITING = {
    "tests/chaos/points/": "proving",
    "tests/chaos/matrix/": "proving",
    "tests/chaos/controls/": "proving",
    "tests/chaos/volume/": "proving",
    "tests/chaos/": "breaking",
    "tests/scenario/": "paced",
    "tests/integration/system/": "paced",
}
"""Folders whose tests wait, with the lane in which they stand; the first that fits. Those lanes begin first."""

SHARED = {
    "tests/browser/test_intake_pages.py": "pages alone",  # a quarter of the folder, which needs no installation
    "tests/browser/": "browser",
    "tests/integration/routes/": "routes",
    "tests/contract/test_bus_": "broker",
    "tests/contract/test_permissions.py": "broker",
    "tests/contract/test_senders.py": "broker",
    "tests/integration/operations/test_audit_outcomes.py": "broker",
    "tests/integration/test_broker_cut.py": "broker",
    "tests/integration/test_parked_commands.py": "broker",
    "tests/integration/test_support.py": "broker",
}
"""What shares one installation, or one node of RabbitMQ, and stays together, with its lane. A worker starts a node for
the first test that asks for it: seven seconds of processor time, and one in a hundred from then on."""

LONG = (
    "tests/integration/test_pika_publisher.py",
    "tests/integration/model/",
    "tests/contract/test_openapi.py",
    "tests/integration/registration/test_outcomes.py",
    "tests/unit/scheduling/test_solver.py",
    "tests/unit/deploy/test_chart.py",
    "tests/unit/web/test_bodies.py",
)
"""What takes a minute or more begins before the other files: begun last, it would leave a processor to itself."""

AT_LENGTH = ("points", "volume", "model", "controls", "chaos", "matrix", "database")
"""Folders of `make chaos-counted`, each a lane of its own: those that take long begin. Who has two tests left is given
the next lane, which then waits for both, however long they take: so the fourth waits for the storm on both buses and
the fifth for the fail points on both; both are short. In a lane what shows that its check can fail comes last."""

CONTROLS = "test_controls.py"


def lane(nodeid: str, *, full: bool = False) -> str:
    """What a test stays together with: the waiting ones, its folder, or its file; at length its folder."""
    if full:
        return nodeid.rpartition("/")[0] or nodeid
    waiting = next((name for folder, name in WAITING.items() if nodeid.startswith(folder)), None)
    if waiting:
        return waiting
    return next((name for start, name in SHARED.items() if nodeid.startswith(start)), nodeid.split("::", 1)[0])


class Lanes(LoadScopeScheduling):
    """Hands whole lanes to the workers, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return lane(nodeid, full=_is_full(self.config))


class LanesPlugin:
    """Pytest plugin: puts the long lanes first and lets ``Lanes`` share them out."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """The waiting first, then what shares an installation, then file by file, long ones first; at length by
        ``AT_LENGTH``."""
        if _is_full(config):
            items.sort(key=lambda item: (_place(item.path.parent.name), item.path.name == CONTROLS))
            return
        groups = (tuple(WAITING), tuple(SHARED), LONG)
        items.sort(key=lambda item: [not item.nodeid.startswith(group) for group in groups])

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Producer) -> Lanes:
        """The scheduler of this run."""
        config.option.loadscopereorder = False
        return Lanes(config, log)


def _is_full(config: pytest.Config) -> bool:
    return bool(config.getoption("chaos") == "full")


def _place(folder: str) -> int:
    return AT_LENGTH.index(folder) if folder in AT_LENGTH else len(AT_LENGTH)
