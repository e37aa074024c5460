"""Who sees what retention does: whoever has the link, coordinators, operators, other services, and the metrics."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from services.events.__main__ import command_line
from shared.core.metrics import retention_done_total, retention_overdue
from shared.core.rights import login
from tests.integration.events.retained import SECOND, SPEAKERS, WHOLE, decided
from tests.integration.events.side_events import Desk
from tests.support.clients import rows
from tests.support.installation import database_of
from tests.support.postgres import PostgresServer


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


def test_operator_who_confirms_is_named_in_the_audit_log(
    desk: Desk, database: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided(desk)
    monkeypatch.setenv("EVENTS_DATABASE_URL", postgres.url(database_of(database), login("events", "operator")))
    monkeypatch.setenv("TROIKA_OPERATOR", "Op Erator")
    done = CliRunner().invoke(command_line(), ["retention", "confirm", "--yes"])
    assert (done.exit_code, "may go" in done.output) == (0, True), done.output
    entries = "SELECT DISTINCT done_by, deed FROM deed WHERE starts_with(deed, 'retention-')"
    assert rows(database, entries) == [("Op Erator", "retention-confirmed")]


def _cells(line: str) -> list[Any]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]
