"""What must be true after every step, and what must be true once everything has come to rest."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.integration.model.ledger import Ledger
from tests.integration.model.rules import LIVE, TRUE_WHILE
from tests.integration.model.world import World

_SEATS = """
    SELECT f.slug, s.capacity, f.open, f.revision, s.confirmed, s.waiting, s.last_position
    FROM form f JOIN seat s ON s.form = f.slug
"""
_PEOPLE = """
    SELECT id::text, form, status, position, revision, attempts, attempted_at, expires_at,
        CASE WHEN hold_until > %s THEN hold_until END FROM registration
"""
_EVENTS = "SELECT id, revision, status, starts_at FROM event_copy"
_ROSTER = "SELECT registration_id::text, status, revision, position FROM roster"
_COUNTS = "SELECT event_id, status, registrations FROM event_count WHERE registrations <> 0"
_TALLIES = "SELECT name, registrations FROM tally WHERE dimension = 'form_kind' AND registrations <> 0"
_MAILS = """
    SELECT kind, subject::text, revision, recipient, event, state, message_id, unknowns, reason, created_at FROM mail
"""
_CONTACTS = "SELECT mail_id::text FROM mail_contact"
_SENT = "SELECT id::text FROM mail WHERE state = 'sent'"
GIVEN_UP_AFTER = timedelta(hours=72)


def check_now(world: World, ledger: Ledger) -> None:
    """Seats, settings, waiting lists and every registration are what the model says."""
    now = world.clock()
    for slug, form in ledger.forms.items():
        line = [ledger.people[identity]["position"] for identity in form["line"]]
        assert line == sorted(line), f"{slug}: the model itself is out of order"
    seats = {
        slug: (
            form["capacity"],
            form["open"],
            form["revision"],
            ledger.confirmed(slug),
            len(form["line"]),
            form["last"],
        )
        for slug, form in ledger.forms.items()
    }
    people = {
        who["id"]: (
            *(who[name] for name in ("form", "status", "position", "revision", "attempts", "attempted_at")),
            who["expires_at"],
            who["hold_until"] if ledger.holds(who, now) else None,
        )
        for who in ledger.people.values()
    }
    copies = {name: (revision, *ledger.events[name][revision][:2]) for name, revision in ledger.heard.items()}
    found = world.at_once("registration", (_SEATS, ()), (_PEOPLE, (now,)), (_EVENTS, ()))
    _agree("seats", _by_first(found[0]), seats)
    _agree("people", _by_first(found[1]), people)
    _agree("events as the forms know them", _by_first(found[2]), copies)


def check_rest(world: World, ledger: Ledger, copies: Mapping[tuple[str, str], int]) -> None:
    """Everything was told, counted and mailed exactly once.

    Args:
        world: at rest.
        ledger: of its history.
        copies: how often the mail relay got what, by Message-ID and address.
    """
    known = [who for who in ledger.people.values() if who["status"] in (*LIVE, "cancelled")]
    roster = {
        who["id"]: (who["status"], who["revision"], who["position"] if who["status"] == "waitlisted" else None)
        for who in known
    }
    _agree("roster", _by_first(world.rows("events", _ROSTER)), roster)
    counts = Counter((ledger.forms[who["form"]]["event"], who["status"]) for who in known)
    _agree("counts", {(row[0], row[1]): row[2] for row in world.rows("events", _COUNTS)}, counts)
    kinds = Counter(ledger.forms[who["form"]]["kind"] for who in known if who["status"] in LIVE)
    _agree("tallies", dict(world.rows("events", _TALLIES)), kinds)
    newest = {name: max(states) for name, states in ledger.events.items()}
    for service in ("registration", "notifications"):
        _agree(f"events in {service}", dict(world.rows(service, "SELECT id, revision FROM event_copy")), newest)
    _check_mails(world, ledger, copies)
    assert sorted(world.rows("events", _CONTACTS)) == sorted(world.rows("notifications", _SENT))


def _check_mails(world: World, ledger: Ledger, copies: Mapping[tuple[str, str], int]) -> None:
    """One row for each mail that is owed, and as many copies as are recorded; news and reminders once a person."""
    rows = [dict(zip(_NAMES, row, strict=True)) for row in world.rows("notifications", _MAILS)]
    owed = Counter((row["kind"], row["subject"], row["revision"]) for row in rows if row["kind"] in TRUE_WHILE)
    unsaid = {mail for mail in ledger.mails if ledger.people[mail[1]]["erased"] and mail not in owed}
    _agree("mails", owed, Counter(ledger.mails - unsaid))
    named = [row for row in rows if (row["recipient"] is None) != ledger.people[row["subject"]]["erased"]]
    assert named == [], f"of somebody who was erased, or of nobody: {named}"
    delivered = Counter({message_id: 0 for message_id, _ in copies})
    for (message_id, address), number in copies.items():
        delivered[message_id] += number
        subject = next(row["subject"] for row in rows if row["message_id"] == message_id)
        assert address == f"{ledger.people[subject]['who']}@example.org"
    for row in rows:
        number, sent = delivered[row["message_id"]], row["state"] == "sent"
        assert sent <= number <= sent + row["unknowns"], f"{number} copies of {row}"
        assert sent or _is_excused(row, ledger, world), f"never sent: {row}"
    announced = [row for row in rows if row["kind"] not in TRUE_WHILE and row["state"] != "called_off"]
    announced = [row for row in announced if row["recipient"] is not None]
    told = Counter((row["recipient"], row["event"], row["kind"], row["revision"]) for row in announced)
    assert [twice for twice, number in told.items() if number > 1] == []


def _is_excused(row: dict[str, Any], ledger: Ledger, world: World) -> bool:
    """Whether there is a reason not to have sent a mail."""
    if row["state"] == "failed":
        return bool(world.clock() - row["created_at"] >= GIVEN_UP_AFTER)
    if row["state"] == "unknown":
        return bool(row["unknowns"] > 0)
    if ledger.people[row["subject"]]["erased"]:
        return row["state"] in ("called_off", "missed")
    if row["kind"] not in TRUE_WHILE:
        return row["state"] in ("called_off", "missed")
    return row["state"] == "called_off" and ledger.people[row["subject"]]["status"] not in TRUE_WHILE[row["kind"]]


_NAMES = (
    "kind",
    "subject",
    "revision",
    "recipient",
    "event",
    "state",
    "message_id",
    "unknowns",
    "reason",
    "created_at",
)


def _agree(what: str, found: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> None:
    """Fail with what differs and nothing else."""
    differs = sorted(key for key in {*found, *wanted} if found.get(key) != wanted.get(key))
    told = [f"{key}: found {found.get(key)}, the model says {wanted.get(key)}" for key in differs]
    assert not differs, "\n".join([what, *told])


def _by_first(rows: list[tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    return {row[0]: row[1:] for row in rows}
