"""Retention of proposals: speakers go after fourteen days, the person with everything else after ninety."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.events.__main__ import command_line
from services.events.usecases.erase_proposal import erase_kept
from services.events.usecases.retain_proposals import retaining
from services.events.wiring import describe
from shared.core.metrics import retention_done_total, retention_overdue
from shared.core.rights import login
from shared.store.engine import open_engine
from shared.store.retaining import BITE
from shared.store.unit_of_work import UnitOfWork
from tests.integration.events.side_events import Desk
from tests.integration.events.test_schedule_guards import MORNING, NOON, change_event
from tests.integration.registration.test_erasing import everything_in
from tests.support.clients import rows
from tests.support.installation import database_of
from tests.support.locks import holding, wait_for_locks
from tests.support.postgres import PostgresServer

SECOND = timedelta(seconds=1)
SPEAKERS, WHOLE, UNDECIDED = timedelta(days=14), timedelta(days=90), timedelta(days=365)
ANSWERS = {"speakers": "Ana\nBo", "unavailable_days": ["2020-05-07"]}
ENDS_AT = datetime(2020, 5, 6, 12, 0, tzinfo=UTC)
"""Of what stands at ``NOON``."""

SAYS_ERASED = "SELECT subject FROM outbox WHERE type = 'org.troika.proposal.erased.v1' ORDER BY id"


@pytest.fixture
def relay(database: str, postgres: PostgresServer) -> Iterator[UnitOfWork]:
    """Transactions of a relay, by its own login."""
    engine = open_engine(postgres.url(database_of(database), login("events", "relay")))
    yield UnitOfWork(engine, "events")
    engine.dispose()


@pytest.fixture
def keep_house(relay: UnitOfWork) -> Callable[[datetime], None]:
    """What a relay that has just begun does first."""

    def turn(now: datetime) -> None:
        forget = describe().forget
        assert forget is not None
        forget(relay, now)

    return turn


def kept(database: str) -> list[tuple[bool, bool, bool, bool]]:
    """(has the speakers' names, their references, days on which they cannot, is somebody's) of each proposal."""
    found = rows(
        database,
        """SELECT speaker_names IS NOT NULL, speakers <> '{}', unavailable_on <> '{}', contact IS NOT NULL
        FROM proposal ORDER BY id""",
    )
    return [tuple(row) for row in found]


ALL, PERSON, NOBODY = (True, True, True, True), (False, False, False, True), (False, False, False, False)


def decided(desk: Desk, verb: str = "decline", title: str = "Housing") -> str:
    """A proposal on which was decided just now."""
    proposal = desk.propose(title, **ANSWERS)
    assert desk.decide(proposal, verb, "A note.").status_code == 200
    return proposal


def scheduled(desk: Desk) -> str:
    """A proposal in the published timetable, whose side event ends at ``ENDS_AT``."""
    proposal = desk.accepted("Housing", **ANSWERS)
    desk.put(proposal, "garden-room", NOON)
    assert desk.publish().status_code == 201
    return proposal


@pytest.mark.parametrize("verb", ["decline", "withdraw"])
def test_each_goes_on_its_day(desk: Desk, database: str, keep_house: Callable[[datetime], None], verb: str) -> None:
    """Not a second before; the days run from the decision."""
    desk.clock.advance(timedelta(days=30))
    decided(desk, verb)
    for after, before_it, after_it in ((SPEAKERS, ALL, PERSON), (WHOLE, PERSON, NOBODY)):
        keep_house(desk.clock() + after)
        assert kept(database) == [before_it]
        keep_house(desk.clock() + after + SECOND)
        assert kept(database) == [after_it]


@pytest.mark.parametrize("verb", ["", "return", "accept"])
def test_nothing_of_what_waits_for_a_decision_goes_for_a_year(
    desk: Desk, database: str, keep_house: Callable[[datetime], None], verb: str
) -> None:
    """It is decided on as a whole, and a review may be moved by half a year."""
    proposal = desk.propose("Housing", **ANSWERS)
    if verb:
        desk.clock.advance(timedelta(days=30))
        desk.decide(proposal, verb, "A note.")
    keep_house(desk.clock() + UNDECIDED)
    assert kept(database) == [ALL]
    keep_house(desk.clock() + UNDECIDED + SECOND)
    assert kept(database) == [NOBODY]


def test_days_of_what_is_published_run_from_the_end_of_its_event(
    desk: Desk, database: str, keep_house: Callable[[datetime], None]
) -> None:
    scheduled(desk)
    before = everything_in(database)
    keep_house(ENDS_AT + SPEAKERS)
    assert everything_in(database) == before
    for after, left in ((SPEAKERS + SECOND, PERSON), (WHOLE, PERSON), (WHOLE + SECOND, NOBODY)):
        keep_house(ENDS_AT + after)
        assert kept(database) == [left]


def test_what_took_place_stays_counted_and_no_later_timetable_takes_it_back(
    desk: Desk, database: str, keep_house: Callable[[datetime], None]
) -> None:
    """Its participants would be told months later that it is cancelled."""
    scheduled(desk)
    event = "SELECT title, status, revision FROM event WHERE kind = 'side_event' AND title = 'Housing'"
    before = rows(database, event)
    keep_house(ENDS_AT + WHOLE + SECOND)
    assert rows(database, "SELECT status, title FROM proposal") == [("scheduled", "")]
    desk.clock.set(ENDS_AT + WHOLE + timedelta(days=1))
    desk.put(desk.accepted("Health"), "garden-room", MORNING)
    assert desk.publish().status_code == 201
    assert rows(database, event) == before
    told = "SELECT type FROM outbox WHERE subject = (SELECT id FROM event WHERE title = 'Housing') ORDER BY id"
    assert rows(database, told) == [("org.troika.event.published.v1",)]


def test_published_without_a_date_is_kept_until_it_has_one(
    desk: Desk, database: str, keep_house: Callable[[datetime], None]
) -> None:
    """The review was moved: the side event will be, nobody knows when."""
    proposal = scheduled(desk)
    [(event,)] = rows(database, "SELECT event_id FROM proposal")
    assert change_event(desk, event, "postpone").status_code == 200
    path = desk.link(proposal)
    desk.clock.advance(timedelta(days=3650))
    keep_house(desk.clock())
    assert kept(database) == [ALL]
    assert desk.client.get(path).status_code == 200
    assert change_event(desk, event, "cancel").status_code == 200
    keep_house(desk.clock() + SPEAKERS)
    assert kept(database) == [ALL]
    keep_house(desk.clock() + WHOLE + SECOND)
    assert kept(database) == [NOBODY]


def test_answer_that_goes_is_in_no_record_of_changes_either(
    desk: Desk, database: str, keep_house: Callable[[datetime], None]
) -> None:
    proposal = desk.propose("Housing", **ANSWERS)
    path = f"/v1/proposals/{proposal}"
    seen = {**desk.headers, "If-Match": desk.client.get(path, headers=desk.headers).headers["ETag"]}
    assert desk.client.patch(path, json={"unavailable_on": [], "title": "Rooms"}, headers=seen).status_code == 200
    desk.decide(proposal, "decline")
    changed = "SELECT changed FROM proposal_change WHERE changed <> '[]'"
    assert "2020-05-07" in str(rows(database, changed))
    keep_house(desk.clock() + SPEAKERS + SECOND)
    assert rows(database, changed) == [([{"field": "title", "before": "Housing", "after": "Rooms"}],)]


def test_whoever_looks_after_the_speakers_have_gone_sees_the_rest(
    desk: Desk, keep_house: Callable[[datetime], None]
) -> None:
    """By the link, which opens what is left, and at the desk."""
    proposal = decided(desk)
    path = desk.link(proposal)
    keep_house(desk.clock() + SPEAKERS + SECOND)
    held = desk.client.get(f"{path}/my-data.json").get_json()
    assert held["answers"]["name"] == "A proposer"
    assert ("speakers" in held["answers"], "unavailable_days" in held["answers"]) == (False, False)
    assert desk.client.get(f"/v1/proposals/{proposal}", headers=desk.headers).get_json()["title"] == "Housing"


def test_other_services_hear_of_whoever_is_erased(
    desk: Desk, database: str, keep_house: Callable[[datetime], None]
) -> None:
    """As of one who was erased by hand: what was said before is blank, and the history says why."""
    proposal = decided(desk)
    keep_house(desk.clock() + WHOLE + SECOND)
    said = rows(database, "SELECT type, blanked_at IS NOT NULL FROM outbox WHERE subject = %s ORDER BY id", proposal)
    assert said[-1] == ("org.troika.proposal.erased.v1", False)
    assert {blank for _type, blank in said[:-1]} == {True}
    last = "SELECT note, changed_by FROM proposal_change ORDER BY revision DESC LIMIT 1"
    assert rows(database, last) == [("Erased: it was kept as long as it may be", "")]


def test_what_is_overdue_is_shown_before_it_goes(desk: Desk, keep_house: Callable[[datetime], None]) -> None:
    """A gauge that was set after deleting would never show a failure to delete."""
    decided(desk)
    for what, after in (("answers", SPEAKERS), ("people", WHOLE)):
        done = retention_done_total.labels("events", what)._value.get()
        keep_house(desk.clock() + after + timedelta(days=1) + SECOND)
        assert retention_overdue.labels("events", what)._value.get() == 1
        assert retention_done_total.labels("events", what)._value.get() == done + 1
        keep_house(desk.clock() + after + timedelta(days=1) + SECOND)
        assert retention_overdue.labels("events", what)._value.get() == 0


def test_more_than_a_bite_goes_turn_by_turn(desk: Desk, database: str, relay: UnitOfWork) -> None:
    """A bite in a turn, the next at once, and then an hour of rest."""
    decided(desk)
    copies = f"""WITH made AS (INSERT INTO proposal SELECT (jsonb_populate_record(p, jsonb_build_object(
            'id', gen_random_uuid(), 'token_hash', '\\x' || md5(n::text) || md5('x' || n)))).*
        FROM proposal p, generate_series(1, {BITE}) n RETURNING id)
        INSERT INTO proposal_change (proposal_id, revision, status, note, changed_by, changed_at)
        SELECT id, 2, 'declined', '', 'somebody', %s FROM made"""
    rows(database, copies, desk.clock())
    keeping, left, due = retaining(), [], desk.clock() + WHOLE + SECOND
    for turn in range(2):
        keeping.turn(relay, due + timedelta(seconds=5 * turn))
        left.append(sum(person for *_, person in kept(database)))
    assert left == [1, 0]
    decided(desk)
    keeping.turn(relay, due + timedelta(minutes=59))
    assert kept(database).count(NOBODY) == BITE + 1


def test_two_at_once_erase_each_once(desk: Desk, database: str, relay: UnitOfWork) -> None:
    """Both have found the same proposals before either gets to the board."""
    proposals = sorted(decided(desk, title=f"Idea {number}") for number in range(3))
    due, failed = desk.clock() + WHOLE + SECOND, []

    def turn() -> None:
        try:
            retaining().turn(relay, due)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is to show it
            failed.append(error)

    threads = [threading.Thread(target=turn) for _ in range(2)]
    with holding(database, "SELECT FROM board FOR UPDATE"):
        for thread in threads:
            thread.start()
        wait_for_locks(database, 2)
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(subject for (subject,) in rows(database, SAYS_ERASED)) == proposals
    assert kept(database) == [NOBODY] * 3


def test_whoever_has_one_in_hand_is_not_waited_for(
    desk: Desk, database: str, keep_house: Callable[[datetime], None]
) -> None:
    first, _second = decided(desk), decided(desk)
    with holding(database, f"SELECT FROM proposal WHERE id = '{first}' FOR UPDATE"):
        keep_house(desk.clock() + SPEAKERS + SECOND)
        assert kept(database) == [ALL, PERSON]
    keep_house(desk.clock() + SPEAKERS + SECOND)
    assert kept(database) == [PERSON, PERSON]


def test_broken_off_midway_goes_on_from_there(
    desk: Desk, database: str, keep_house: Callable[[datetime], None]
) -> None:
    """What was done stays done, with its message; what was begun is as if it had not been."""
    first, second, third = (decided(desk, title=f"Idea {number}") for number in range(3))
    trap = f"""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'killed'; END $$;
        CREATE TRIGGER trap BEFORE INSERT ON outbox FOR EACH ROW WHEN (NEW.subject = '{second}')
        EXECUTE FUNCTION refuse()"""
    rows(database, trap)
    due = desk.clock() + WHOLE + SECOND
    with pytest.raises(DBAPIError, match="killed"):
        keep_house(due)
    assert (rows(database, SAYS_ERASED), kept(database)) == ([(first,)], [NOBODY, PERSON, PERSON])
    rows(database, "DROP TRIGGER trap ON outbox")
    keep_house(due)
    assert rows(database, SAYS_ERASED) == [(first,), (second,), (third,)]
    assert kept(database) == [NOBODY] * 3


def test_what_changes_at_the_last_moment_is_kept_with_its_messages(
    desk: Desk, database: str, relay: UnitOfWork
) -> None:
    """It was found, and then a coordinator did something with it before it was erased."""
    proposal = decided(desk)
    due, done = desk.clock() + WHOLE + SECOND, []
    late = f"""INSERT INTO proposal_change (proposal_id, revision, status, note, changed_by, changed_at)
        VALUES ('{proposal}', 9, 'declined', '', 'somebody', '{due}')"""
    eraser = threading.Thread(target=lambda: done.append(erase_kept(relay, due, proposal)))
    with desk.engine.begin() as connection:
        connection.execute(text("SELECT FROM board FOR UPDATE"))
        eraser.start()
        wait_for_locks(database, 1)
        connection.execute(text(late))
    eraser.join()
    assert (done, kept(database)) == ([False], [ALL])
    assert rows(database, "SELECT count(*)::int FROM outbox WHERE blanked_at IS NOT NULL") == [(0,)]


def test_operator_sees_what_goes_when(
    desk: Desk, database: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.propose("Waits")
    decided(desk)
    monkeypatch.setenv("EVENTS_DATABASE_URL", postgres.url(database_of(database), login("events", "operator")))
    done = CliRunner().invoke(command_line(), ["retention"])
    decisions = "scheduled, declined, withdrawn"
    assert (done.exit_code, [_cells(line) for line in done.output.splitlines()]) == (
        0,
        [
            ["proposals", "what", "days", "kept", "first goes on", "due", "overdue"],
            ["unverified", "person", "8", "0", "none yet", "0", "0"],
            [decisions, "speakers, unavailable_days", "14", "1", "2020-03-16", "1", "1"],
            [decisions, "person", "90", "1", "2020-05-31", "1", "1"],
            ["submitted, returned, accepted", "person", "365", "1", "2021-03-02", "1", "1"],
        ],
    )


def _cells(line: str) -> list[Any]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]
