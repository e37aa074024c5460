"""Scenarios for a system that may lack a guard. A scenario does not depend on whether it does.

Each ends when nothing is left to do, even if something was lost, and returns what is wrong now that was not wrong
before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pika

from shared.messaging.broker import FACTS, parked
from shared.messaging.contracts.registry import BY_KEY
from tests.chaos.points.work import BROKEN_KEY, Work
from tests.support.launching.plan import Plan
from tests.support.proof import Proof
from tests.support.rig import Rig

PEOPLE = 5
BROKEN = 3
HAPPENS_WITHIN_S = 20.0
REST_WITHIN_S = 60.0
PARKED_AT = "events.rollup"

Findings = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Place:
    """Attributes:
    rig: a system on RabbitMQ.
    proof: checks it.
    work: for it beside registrations.
    """

    rig: Rig
    proof: Proof
    work: Work


Scenario = Callable[[Place, str, Sequence[str]], Findings]
"""Given a place, the program in question and the parts it is started with: what is wrong afterwards, by check."""


def killed_at(point: str) -> Scenario:
    """People register, and the program is killed the first time that it reaches ``point``."""

    def scenario(place: Place, program: str, parts: Sequence[str]) -> Findings:
        return _changed(place, lambda: _kill_while_people_register(place, program, parts, point))

    return scenario


def killed_in_a_batch(point: str) -> Scenario:
    """People register while the program is frozen; it is killed the first time that it reaches ``point`` afterwards.

    Its first batch has messages of every kind. Of those that come one by one, the first only reports that a mail was
    sent.
    """

    def run(place: Place, program: str, parts: Sequence[str]) -> None:
        place.rig.restart(program, parts)
        plan = Plan(point, 1, "kill", place.rig.marker())
        place.rig.plan(program, plan)
        place.rig.stack.programs[program].suspend()
        place.rig.arrive(PEOPLE)
        place.rig.wait_until(lambda: _published_all(place), HAPPENS_WITHIN_S, "everything is published")
        place.rig.stack.programs[program].resume()
        place.rig.wait_until(lambda: plan.happened, HAPPENS_WITHIN_S, f"{program} comes to {point}")

    return lambda place, program, parts: _changed(place, lambda: run(place, program, parts))


def topology_broken(place: Place, program: str, parts: Sequence[str]) -> Findings:
    """People register while no queue is bound to receive their messages; then the binding is repaired."""

    def run() -> None:
        place.rig.restart(program, parts)
        _bind(place, "queue_unbind")
        place.rig.arrive(PEOPLE)
        place.rig.wait_until(lambda: _tried_all(place), HAPPENS_WITHIN_S, "every message was offered")
        _bind(place, "queue_bind")

    return _changed(place, run)


def broken_messages(place: Place, program: str, parts: Sequence[str]) -> Findings:
    """Messages come that no one can read."""
    place.rig.restart(program, parts)
    place.work.break_messages(BROKEN)
    fresh = set(place.work.broken[-BROKEN:])
    place.rig.arrive(PEOPLE)  # whose messages come after the broken ones: once they are done, so are those
    place.proof.wait_for_rest(place.rig.people.receipts[-PEOPLE:], REST_WITHIN_S, place.rig.keep_up)
    lost = fresh - place.work.parked()[parked(PARKED_AT)]
    return {"is parked": sorted(lost)} if lost else {}


def _kill_while_people_register(place: Place, program: str, parts: Sequence[str], point: str) -> None:
    place.rig.restart(program, parts)
    plan = Plan(point, 1, "kill", place.rig.marker())
    place.rig.plan(program, plan)
    place.rig.arrive(PEOPLE)
    place.rig.wait_until(lambda: plan.happened, HAPPENS_WITHIN_S, f"{program} comes to {point}")


def _changed(place: Place, run: Callable[[], None]) -> Findings:
    """What is wrong after ``run`` and was not before it."""
    before = place.proof.findings(place.rig.people.receipts)
    run()
    place.proof.wait_for_rest(place.rig.people.receipts[-PEOPLE:], REST_WITHIN_S, place.rig.keep_up)
    after = place.proof.findings(place.rig.people.receipts)
    fresh = {check: [one for one in wrong if one not in before.get(check, [])] for check, wrong in after.items()}
    return {check: wrong for check, wrong in fresh.items() if wrong}


def _bind(place: Place, action: str) -> None:
    """``queue_bind`` or ``queue_unbind`` for the messages about registrations."""
    with pika.BlockingConnection(pika.URLParameters(place.rig.stack.broker_urls[0])) as connection:
        channel = connection.channel()
        for queue in BY_KEY[BROKEN_KEY].consumers:
            getattr(channel, action)(queue, FACTS, BROKEN_KEY)


def _published_all(place: Place) -> bool:
    waiting = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
    return all(place.rig.stack.sql(service, waiting) == [(0,)] for service in ("registration", "notifications"))


def _tried_all(place: Place) -> bool:
    untried = "SELECT count(*) FROM outbox WHERE published_at IS NULL AND refusals = 0"
    return place.rig.stack.sql("registration", untried) == [(0,)]
