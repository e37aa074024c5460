"""Five hundred people confirm for one hundred seats; and the guard of the capacity, shown by removing it."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from services.registration.own.service import show_waiting
from tests.support.clients import WEBINAR, answers, rows
from tests.support.processes import ProcessGroup
from tests.support.registration_service import RegistrationService
from tests.support.slow_seats import decide_beside, two_leaders
from tests.support.waiting import poll_until
from tests.support.web import start_web

PEOPLE = 250
SEATS = 100
CLIENTS = 32
WORKERS = 2
RAISE = 30
FEW, FEW_SEATS = 160, 40


def people(service: RegistrationService, count: int) -> list[str]:
    """Submit for so many people, of twenty organisations; returns the addresses, to which mails have gone."""
    contents = [answers(number, email=f"person-{number}@domain-{number % 20}.example") for number in range(count)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.registration.public.context.VIEW_KEPT_S", 60.0)
        assert {service.submit(content).status_code for content in contents} == {202}
    service.decide()
    assert len(service.mailed()) == count
    return [content["email"] for content in contents]


def counted(service: RegistrationService, status: str) -> int:
    """Registrations with this status."""
    return int(rows(service.url, "SELECT count(*) FROM registration WHERE status = %s", status)[0][0])


def test_race_for_seats_is_exact(
    processes: ProcessGroup, service: RegistrationService, coordinator: dict[str, str]
) -> None:
    """Exactly the capacity is confirmed, the others wait in order; a raise takes the first of them.

    By the pages, with two deciders of which one is on standby.
    """
    people(service, PEOPLE)
    tokens = [str(box["token"]) for box in service.boxes("confirmation.wanted.v1")]
    pages = [(token, f"choice-{show_waiting(service.work_of_web, token, service.clock()).pending[0].id}")
             for token in tokens]  # fmt: skip
    web = start_web(processes, service.installation, workers=WORKERS)
    for number in range(2):
        environment = service.installation.environment("registration", "decide")
        processes.start(f"decide-{number}", "services.registration decide", env=environment)

    def confirm(page: tuple[str, str]) -> int:
        return ask_until_there_is_room(f"{web.url}/c/{page[0]}", {"action": "choose", page[1]: "confirm"})

    with ThreadPoolExecutor(CLIENTS) as pool:
        assert set(pool.map(confirm, pages)) == {303}
    left = "SELECT count(*) FROM submission WHERE state = 'received'"
    poll_until(lambda: rows(service.url, left) == [(0,)], 60, what="every command is decided")
    assert (counted(service, "confirmed"), counted(service, "waitlisted")) == (SEATS, PEOPLE - SEATS)
    assert service.seats() == (SEATS, PEOPLE - SEATS)
    waiting = "SELECT id FROM registration WHERE status = 'waitlisted' ORDER BY received_at, submission"
    line = rows(service.url, waiting)

    changed = requests.patch(
        f"{web.url}/v1/forms/{WEBINAR}",
        json={"capacity": SEATS + RAISE},
        headers={**coordinator, "If-Match": '"1"'},
        timeout=30,
    )
    assert (changed.status_code, changed.json()["confirmed"]) == (200, SEATS + RAISE)
    assert rows(service.url, waiting) == line[RAISE:]
    assert counted(service, "confirmed") == SEATS + RAISE


def ask_until_there_is_room(url: str, data: dict[str, Any]) -> int:
    """The status of the answer. A service that is too busy answers with a time to retry: a person does."""
    while True:
        answer = requests.post(url, data=data, timeout=60, allow_redirects=False)
        if answer.status_code != 503:
            return answer.status_code
        time.sleep(float(answer.headers["Retry-After"]))


@pytest.mark.parametrize("locked", [True, False], ids=["locked", "unlocked"])
def test_seats_are_kept_by_their_lock(service: RegistrationService, locked: bool) -> None:
    """Negative control: with two leaders that pause before they take seats, only the lock keeps the capacity."""
    addresses = people(service, FEW)
    service.capacity(FEW_SEATS)
    service.send_confirmations(addresses)
    with two_leaders(locked=locked):
        decide_beside(service)
    assert counted(service, "confirmed") + counted(service, "waitlisted") == FEW
    if locked:
        assert counted(service, "confirmed") == FEW_SEATS
        assert service.seats() == (FEW_SEATS, FEW - FEW_SEATS)
    else:
        assert counted(service, "confirmed") > FEW_SEATS
