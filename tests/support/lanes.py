"""Five workers share the tests; tests that mostly wait run one after the other in two lanes beside the rest.

A test that lets a broker rest for a minute costs no processor; beside it the others have nearly all of it, and it goes
before them. With fewer lanes two cores are half idle, with more a process may not start in the time that it is given.
The end of a run prints how long each lane took: no lane may be longer than the rest of the run.
"""

import os
from collections import defaultdict
from contextlib import suppress

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

WAITING = {
    "tests/chaos/points/": "proving",
    "tests/chaos/matrix/": "proving",
    "tests/chaos/controls/": "proving",
    "tests/chaos/volume/": "proving",
    "tests/chaos/": "breaking",
    "tests/scenario/": "proving",
    "tests/integration/system/": "paced",
}
"""Folders whose tests wait, with their lane; the first that fits. Those lanes begin first. Alone, the
tests of the whole system take as long as all others that wait."""

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
    "tests/unit/events/test_solver.py",
    "tests/unit/deploy/test_chart.py",
    "tests/unit/shared/http/test_bodies.py",
)
"""What takes a minute or more begins before the other files: begun last, it would leave a processor to itself."""

AT_LENGTH = ("points", "volume", "model", "controls", "chaos", "matrix", "database")
"""Folders of `make chaos-counted`, each a separate lane: those that take long begin. Who has two tests left is given
the next lane, which then waits for both, however long they take: so the fourth waits for the storm on both buses and
the fifth for the fail points on both; both are short. In a lane what shows that its check can fail comes last."""

BEHIND = 5
"""Niceness of tests that do not wait, and of what they start: an installation that is watched, scraped and probed takes
a quarter of two processors for as long as its tests last, so they are not to last longer than they must."""

CONTROLS = "test_controls.py"
SHOWN = 10
"""Lanes in the summary."""


def lane(nodeid: str, *, full: bool = False) -> str:
    """What a test stays together with: the waiting ones, its folder, or its file; at length its folder."""
    if full:
        return nodeid.rpartition("/")[0] or nodeid
    waiting = next((name for folder, name in WAITING.items() if nodeid.startswith(folder)), None)
    if waiting:
        return waiting
    return next((name for start, name in SHARED.items() if nodeid.startswith(start)), nodeid.split("::", 1)[0])


def niceness(nodeid: str) -> int:
    """Of a test's process beside the others."""
    return 0 if lane(nodeid) in WAITING.values() else BEHIND


class Lanes(LoadScopeScheduling):
    """Hands whole lanes to the workers, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return lane(nodeid, full=_is_full(self.config))


class LanesPlugin:
    """Pytest plugin: puts the long lanes first, lets ``Lanes`` share them out, and prints how long they took."""

    def __init__(self) -> None:
        self._began_at = 0.0
        self._took_s: defaultdict[str, float] = defaultdict(float)
        self._ended_at: dict[str, float] = {}

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

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Let the lanes that wait go first; an account that may not raise a priority keeps the lower one."""
        if hasattr(item.config, "workerinput") and not _is_full(item.config):
            with suppress(PermissionError):
                os.setpriority(os.PRIO_PROCESS, 0, niceness(item.nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up what the workers report."""
        node = getattr(report, "node", None)
        if node is not None:
            self._began_at = min(self._began_at or report.start, report.start)
            self._took_s[lane(report.nodeid)] += report.stop - report.start
            self._ended_at[node.gateway.id] = report.stop

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Which lanes were the longest, and which workers had nothing left while others worked."""
        for line in self.lines():
            terminalreporter.write_line(line)

    def lines(self) -> list[str]:
        """The summary; empty without workers."""
        if not self._ended_at:
            return []
        longest = sorted(self._took_s.items(), key=lambda item: -item[1])
        lanes = ", ".join(f"{name} {took:.0f} s" for name, took in longest[:SHOWN])
        ends = sorted(round(at - self._began_at) for at in self._ended_at.values())
        return [f"longest lanes: {lanes}", f"workers ended after {', '.join(map(str, ends))} s"]


def _is_full(config: pytest.Config) -> bool:
    return bool(config.getoption("chaos") == "full")


def _place(folder: str) -> int:
    return AT_LENGTH.index(folder) if folder in AT_LENGTH else len(AT_LENGTH)
