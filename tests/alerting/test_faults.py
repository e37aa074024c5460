"""From a fault to the page, in real time: one page, within two minutes if no one can register."""

from itertools import pairwise

import pytest

from tests.alerting.conftest import FAULTS
from tests.alerting.monitoring import Installation

pytestmark = pytest.mark.timeout(900)
"""The first of them waits for all faults to be over."""

LAYERS = {
    "total outage, connections refused": "outage",
    "total outage, nothing answers": "outage",
    "public network": "symptom",
    "database": "database",
    "broker": "broker",
    "one process": "process",
}
WITHIN_S = 120.0
HEARTBEAT_S = 60.0
"""The watchdog is sent every half minute; no dead man's switch may be configured to wait for less than this."""


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_raises_one_page(fault: str, installations: dict[str, Installation]) -> None:
    one = installations[fault]
    pages = one.pager.pages_since(one.fault_at_s)
    after_s = [f"{page.at_s - one.fault_at_s:.0f} s: {page.group['layer']} {', '.join(page.alerts)}" for page in pages]
    print(f"\n{fault}: {'; '.join(after_s)}", end="")
    assert [page.group["layer"] for page in pages] == [LAYERS[fault]]
    assert pages[0].at_s - one.fault_at_s <= WITHIN_S


@pytest.mark.parametrize("fault", FAULTS)
def test_no_one_is_paged_before_the_fault(fault: str, installations: dict[str, Installation]) -> None:
    one = installations[fault]
    assert [page.alerts for page in one.pager.pages_since(0.0) if page.at_s < one.fault_at_s] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_watchdog_is_sent_all_the_time(fault: str, installations: dict[str, Installation]) -> None:
    received_s = [each.at_s for each in installations[fault].pager.received if each.receiver == "watchdog"]
    gaps_s = [later - earlier for earlier, later in pairwise(received_s)]
    print(f"\n{fault}: the watchdog was sent {len(received_s)} times, at most {max(gaps_s):.0f} s apart", end="")
    assert max(gaps_s) <= HEARTBEAT_S
