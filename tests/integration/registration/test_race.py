"""Five hundred people, one hundred seats, four processes."""

import pytest
import requests

from tests.support.clients import WEBINAR, all_at_once, answers, rows
from tests.support.installation import TestInstallation
from tests.support.processes import ProcessGroup
from tests.support.web import start_web

PEOPLE = 500
SEATS = 100
CLIENTS = 64
WORKERS = 4
SHARE = CLIENTS // WORKERS + 2
"""The most clients that one worker takes: so several race, and never one alone."""


def test_race_for_seats_exact(
    processes: ProcessGroup, installation: TestInstallation, coordinator: dict[str, str]
) -> None:
    """Exactly the capacity is confirmed, the others wait without a hole, and a raise takes the first of them."""
    web = start_web(processes, installation, workers=WORKERS, connections=SHARE)
    given = all_at_once(web.url, [(answers(n), {}) for n in range(PEOPLE)], CLIENTS)
    assert [answer.status for answer in given] == [201] * PEOPLE
    assert sum(answer.body["status"] == "confirmed" for answer in given) == SEATS
    assert count(installation, "confirmed") == SEATS
    assert positions(installation, "waitlisted") == list(range(1, PEOPLE - SEATS + 1))

    changed = requests.patch(
        f"{web.url}/v1/forms/{WEBINAR}",
        json={"capacity": SEATS + 50},
        headers={**coordinator, "If-Match": '"1"'},
        timeout=10,
    )
    assert (changed.status_code, changed.json()["confirmed"]) == (200, SEATS + 50)
    promoted = rows(
        installation.urls["registration"],
        "SELECT position FROM registration WHERE status = 'confirmed' AND position IS NOT NULL ORDER BY position",
    )
    assert [row[0] for row in promoted] == list(range(1, 51))
    assert positions(installation, "waitlisted") == list(range(51, PEOPLE - SEATS + 1))


@pytest.mark.parametrize(("lock", "oversold"), [("locked", False), ("unlocked", True)])
def test_race_is_decided_by_the_lock(
    processes: ProcessGroup, installation: TestInstallation, lock: str, oversold: bool
) -> None:
    """Negative control: with a pause before seats are taken, it is the lock alone that keeps the capacity."""
    slow = f"tests.support.slow_seats {lock}"
    web = start_web(processes, installation, workers=WORKERS, connections=SHARE, arguments=slow, name=lock)
    given = all_at_once(web.url, [(answers(n), {}) for n in range(PEOPLE)], CLIENTS)
    assert [answer.status for answer in given] == [201] * PEOPLE
    confirmed = count(installation, "confirmed")
    assert confirmed > SEATS if oversold else confirmed == SEATS


def count(installation: TestInstallation, status: str) -> int:
    """Registrations with this status."""
    found = rows(installation.urls["registration"], "SELECT count(*) FROM registration WHERE status = %s", status)
    return int(found[0][0])


def positions(installation: TestInstallation, status: str) -> list[int]:
    """Positions of those with this status, ascending."""
    statement = "SELECT position FROM registration WHERE status = %s ORDER BY position"
    return [row[0] for row in rows(installation.urls["registration"], statement, status)]
