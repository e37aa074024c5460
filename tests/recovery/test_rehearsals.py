"""Databases older or lost, one or all three, the broker and keys lost: nothing is duplicated or left over."""

import contextlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from deploy.operations.recover.applying import RecoveryContext, apply
from deploy.operations.recover.planning import PlanRefused
from shared.messaging import outbox
from tests.integration.operations.in_process_system import InProcessSystem
from tests.recovery.rehearsal import DOMAIN, EMPTY, Past, Rehearsal, Stage, clicking, registering, rest
from tests.support.clients import WEBINAR, rows
from tests.support.postgres import PostgresServer
from tests.support.proposals import FORM as PROPOSAL

FIRST, SECOND = "first", "second"
_UNKNOWN = "SELECT count(*)::int FROM mail WHERE state = 'unknown' AND recipient IS NOT NULL"
_LIVE = "SELECT count(*)::int FROM registration WHERE erased_at IS NULL"


@dataclass(frozen=True, slots=True)
class Case:
    """Attributes:
    name: what is lost.
    older: by service, the stage of its backup.
    gone: registrations that do not come back.
    unknown: mails whose outcome stays unknown.
    """

    name: str
    older: Mapping[str, str] = field(default_factory=dict)
    gone: int = 0
    unknown: int = 0


# All three from the same backup agree with each other: later registrations and erasures leave no trace.
CASES = (
    Case("notifications older", {"notifications": FIRST}),
    Case("registration older", {"registration": FIRST}, gone=5),
    Case("registration a little older", {"registration": SECOND}, gone=2),
    Case("events older", {"events": FIRST}),
    Case(
        "registration and notifications older, the same backup", {"registration": FIRST, "notifications": FIRST}, gone=5
    ),
    Case("notifications and events older, by different times", {"notifications": FIRST, "events": SECOND}),
    Case("registration and events older, the same backup", {"registration": FIRST, "events": FIRST}, gone=5),
    Case("all three older, the same backup", dict.fromkeys(("registration", "events", "notifications"), FIRST), gone=4),
    Case(
        "all three older, registration the oldest",
        {"registration": FIRST, "events": SECOND, "notifications": SECOND},
        gone=5,
    ),
    Case(
        "all three older, notifications the oldest",
        {"registration": SECOND, "events": SECOND, "notifications": FIRST},
        gone=2,
    ),
    Case(
        "all three older, events the oldest", {"registration": SECOND, "events": FIRST, "notifications": SECOND}, gone=2
    ),
    Case("notifications lost", {"notifications": EMPTY}),
    Case("events lost", {"events": EMPTY}),
)


def _stages(past: Past, case: Case) -> dict[str, Stage | str]:
    known: dict[str, Stage | str] = {FIRST: past.first, SECOND: past.second, EMPTY: EMPTY}
    return {service: known[stage] for service, stage in case.older.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_database_is_older_or_lost(
    past: Past, rehearsal: Rehearsal, postgres: PostgresServer, table: list[str], case: Case
) -> None:
    living = rows(past.now.installation.urls["registration"], _LIVE)[0][0]
    rehearsal.restore(_stages(past, case), postgres)
    _plan, _applied, took_s = rehearsal.recover()
    rehearsal.assert_recovered()
    _write(table, case.name, rehearsal, living, took_s)
    assert living - rows(rehearsal.installation.urls["registration"], _LIVE)[0][0] == case.gone


def _write(table: list[str], name: str, rehearsal: Rehearsal, living: int, took_s: float) -> None:
    urls = rehearsal.installation.urls
    gone = living - rows(urls["registration"], _LIVE)[0][0]
    table.append(f"{name:58} {gone:>9} {rows(urls['notifications'], _UNKNOWN)[0][0]:>8} {took_s:>8.1f}")


def test_lost_registration_leaves_no_one_anywhere(
    past: Past, rehearsal: Rehearsal, postgres: PostgresServer, table: list[str]
) -> None:
    living = rows(past.now.installation.urls["registration"], _LIVE)[0][0]
    rehearsal.restore({"registration": EMPTY}, postgres)
    plan, _applied, took_s = rehearsal.recover()
    assert len(plan.lost_people) == living
    rehearsal.assert_recovered()
    _write(table, "registration lost", rehearsal, living, took_s)


def _mails_in_doubt(rehearsal: Rehearsal) -> None:
    """People register and confirm; the relay is down, so their confirmations wait."""
    with rehearsal.system() as system:
        client = system.client()
        system.register(client, 20, 21, form="review-press-conference")
        rest(system)
        system.choose(client, "confirm", 20, 21)
        system.deliver()


@pytest.mark.parametrize(("given", "unknown"), [(False, 2), (True, 0)])
def test_mail_of_unknown_outcome_is_sent_again_only_if_missing_in_the_relays_list(
    past: Past, rehearsal: Rehearsal, postgres: PostgresServer, table: list[str], *, given: bool, unknown: int
) -> None:
    _mails_in_doubt(rehearsal)
    went = frozenset(rehearsal.copies)
    rehearsal.restore({"notifications": past.second}, postgres)
    plan, _applied, took_s = rehearsal.recover(went if given else None)
    urls = rehearsal.installation.urls
    assert rows(urls["notifications"], _UNKNOWN) == [(unknown,)]
    assert sum(rehearsal.copies.values()) == len(went) + 2 - unknown
    rehearsal.assert_recovered()
    name = f"notifications older, two mails not sent, {'list given' if given else 'no list'}"
    _write(table, name, rehearsal, rows(urls["registration"], _LIVE)[0][0], took_s)
    assert plan.sent_known == given


def test_mail_known_only_to_the_relay_is_marked_by_its_list(
    past: Past, rehearsal: Rehearsal, postgres: PostgresServer
) -> None:
    """Events and registration are as old as notifications: only the list of sent mails has the outcomes."""
    went = frozenset(rehearsal.copies)
    rehearsal.restore(dict.fromkeys(("events", "notifications"), past.first), postgres)
    rehearsal.recover(went)
    assert rows(rehearsal.installation.urls["notifications"], _UNKNOWN) == [(0,)]
    assert sum(rehearsal.copies.values()) == len(went)
    rehearsal.assert_recovered()


def test_broker_lost_with_messages_in_it(rehearsal: Rehearsal, postgres: PostgresServer, table: list[str]) -> None:
    with rehearsal.system() as system:
        client = system.client()
        system.register(client, 20, form="review-press-conference")
        rest(system)
        system.choose(client, "confirm", 20)
        for service in ("registration", "events", "notifications"):
            with system.work(service).transaction() as connection:
                lost = outbox.claim(connection, system.clock(), 1000)
                outbox.mark_published(connection, [row.id for row in lost], system.clock())
    rehearsal.restore({}, postgres)
    _plan, applied, took_s = rehearsal.recover()
    assert applied.published > 0
    rehearsal.assert_recovered()
    living = rows(rehearsal.installation.urls["registration"], _LIVE)[0][0]
    _write(table, "broker lost with messages in it", rehearsal, living, took_s)


def test_messages_of_lost_registrations_that_arrive_late_leave_no_one_behind(
    past: Past, rehearsal: Rehearsal, postgres: PostgresServer
) -> None:
    """The broker still holds them: another plan names whom they show, and removes them."""
    with rehearsal.system() as system:
        client = system.client()
        system.register(client, 20, form="review-press-conference")
        rest(system)
        system.choose(client, "confirm", 20)
        with system.work("registration").transaction() as connection:
            held = outbox.claim(connection, system.clock(), 1000)
            outbox.mark_published(connection, [row.id for row in held], system.clock())
    rehearsal.restore({"registration": past.second}, postgres)
    plan = rehearsal.plan()
    with rehearsal.system() as system, rehearsal.databases() as databases:
        first = [True]

        def settle() -> None:
            if first.pop() if first else False:
                system.deliver_stored(held)
            system.deliver()

        tools = rehearsal.tools(system, databases, None)
        careful = RecoveryContext(databases, system.clock, tools.messages, DOMAIN, settle, None, frozenset(plan.remove))
        with pytest.raises(PlanRefused, match="more registrations are lost"):
            apply(careful, plan)
    plan = rehearsal.plan()
    assert plan.lost_people, "their names are still known"
    rehearsal.apply(plan)
    rehearsal.end()
    rehearsal.assert_recovered()


class Killed(Exception):
    """Simulate a crash of the program."""


@pytest.mark.parametrize("service", ["registration", "notifications", "events"])
@pytest.mark.parametrize("at", [1, 2])
def test_killed_half_way_it_runs_again(
    past: Past, rehearsal: Rehearsal, postgres: PostgresServer, service: str, at: int
) -> None:
    rehearsal.restore({service: past.first}, postgres)
    plan = rehearsal.plan()
    with rehearsal.system() as system, rehearsal.databases() as databases:
        calls: list[int] = []

        def settle() -> None:
            calls.append(1)
            if len(calls) == at:
                raise Killed
            system.deliver()

        tools = rehearsal.tools(system, databases, None)
        broken = RecoveryContext(databases, system.clock, tools.messages, DOMAIN, settle)
        with contextlib.suppress(Killed):
            apply(broken, plan)
    rehearsal.apply(plan)
    rehearsal.end()
    rehearsal.assert_recovered()


def test_event_that_was_changed_since_the_backup_gets_its_state_back(
    past: Past, rehearsal: Rehearsal, postgres: PostgresServer, table: list[str]
) -> None:
    rehearsal.act(lambda system: system.change_the_event("postpone"))
    state = "SELECT status, revision, starts_at FROM event WHERE id = %s"
    before = rows(rehearsal.installation.urls["events"], state, WEBINAR)
    rehearsal.restore({"events": past.second}, postgres)
    plan, _applied, took_s = rehearsal.recover()
    assert plan.events == [WEBINAR]
    assert rows(rehearsal.installation.urls["events"], state, WEBINAR) == before
    rehearsal.assert_recovered()
    living = rows(rehearsal.installation.urls["registration"], _LIVE)[0][0]
    _write(table, "events older, an event was changed since", rehearsal, living, took_s)


def _propose(system: InProcessSystem) -> None:
    client = system.client()
    system.register(client, 30, 31, form=PROPOSAL)
    rest(system)
    system.choose(client, "confirm", 30, 31)
    rest(system)


def test_decision_that_was_made_since_the_backup_comes_back(rehearsal: Rehearsal, postgres: PostgresServer) -> None:
    rehearsal.act(_propose)
    before = rehearsal.stage()
    rehearsal.act(lambda system: system.decline(30))
    decided = "SELECT id::text, status, revision, note FROM proposal ORDER BY id"
    known = rows(rehearsal.installation.urls["events"], decided)
    rehearsal.restore({"events": before}, postgres)
    plan, _applied, _took_s = rehearsal.recover()
    assert len(plan.decisions) == 1
    assert rows(rehearsal.installation.urls["events"], decided) == known
    rehearsal.assert_recovered()


def test_recovery_needs_no_key_of_a_form(past: Past, rehearsal: Rehearsal, postgres: PostgresServer) -> None:
    """With the keys of sealed answers lost, everything but those answers comes back."""
    shutil.rmtree(rehearsal.installation.secrets.folder / "form-keys")
    rehearsal.restore({"registration": past.second}, postgres)
    rehearsal.recover()
    rehearsal.assert_recovered()


ACTS: Mapping[str, Callable[[Rehearsal], None]] = {
    "register": lambda rehearsal: rehearsal.act(registering(30)),
    "cancel": lambda rehearsal: rehearsal.act(clicking("cancel", 1)),
    "erase": lambda rehearsal: rehearsal.act(clicking("erase", 2)),
}


@pytest.mark.parametrize("act", ACTS)
def test_services_continue_after_a_recovery(
    past: Past, rehearsal: Rehearsal, postgres: PostgresServer, act: str
) -> None:
    """Later changes have higher revisions than any service had before."""
    rehearsal.restore({"registration": past.first}, postgres)
    rehearsal.recover()
    ACTS[act](rehearsal)
    rehearsal.assert_recovered()
