"""Retention of proposals bite by bite, beside others who erase, hold or change the same, and broken off midway."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.events.usecases.erase_proposal import erase_kept
from services.events.usecases.retain_proposals import retaining
from shared.store.retaining import BITE
from shared.store.unit_of_work import UnitOfWork
from tests.integration.events.retained import (
    ALL,
    NOBODY,
    PERSON,
    SAYS_ERASED,
    SECOND,
    SPEAKERS,
    WHOLE,
    decided,
    kept,
)
from tests.integration.events.side_events import Desk
from tests.support.clients import rows
from tests.support.locks import holding, wait_for_locks


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
    keeping.turn(relay, due - timedelta(hours=25))
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
    retaining().turn(relay, due - timedelta(hours=25))

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
    keep_house(desk.clock() + SPEAKERS + SECOND)
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
