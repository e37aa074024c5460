"""The real Alertmanager sends the same notifications for the same alerts as the evaluation that `make test` uses."""

import subprocess
import time
from collections.abc import Iterator

import pytest

from deploy.alerting import LAYERS
from tests.alerting.monitoring import Alertmanager, Pager, program
from tests.support.alerting import CONFIGURATION, evaluate, faults
from tests.support.run_folder import RunFolder

MAX_S = max(layer.group_wait_s for layer in LAYERS) + 10.0

Sent = set[tuple[tuple[str, str], ...]]


@pytest.fixture(scope="module")
def paged(run_folder: RunFolder) -> Iterator[dict[str, Sent]]:
    """The groups that were sent to the pager, by the fault; each fault has its own Alertmanager."""
    pagers = {fault: Pager() for fault in faults()}
    running = [Alertmanager(run_folder, f"posted-{number}", pager) for number, pager in enumerate(pagers.values())]
    try:
        for alertmanager, alerts in zip(running, faults().values(), strict=True):
            alertmanager.wait_ready()
            alertmanager.post(alerts)
        time.sleep(MAX_S)
        yield {
            fault: {tuple(sorted(page.group.items())) for page in pager.pages_since(0.0)}
            for fault, pager in pagers.items()
        }
    finally:
        for alertmanager in running:
            alertmanager.close()
        for pager in pagers.values():
            pager.close()


def test_amtool_accepts_the_configuration() -> None:
    done = subprocess.run([program("amtool"), "check-config", str(CONFIGURATION)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("fault", faults())
def test_pages_are_those_of_the_evaluation(fault: str, paged: dict[str, Sent]) -> None:
    evaluated = {
        tuple(sorted((name, value) for name, value in group if value)) for group in evaluate(faults()[fault]).pages
    }
    assert paged[fault] == evaluated
