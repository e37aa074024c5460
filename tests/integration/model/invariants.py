"""Invariants after every step, and at rest."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.integration.model.databases import REFERENCES, ModelDatabases
from tests.integration.model.reference_model import ReferenceModel
from tests.integration.model.rules import LIVE, MAIL_OF, TRUE_WHILE

_SEATS = """
    SELECT f.slug, s.capacity, f.open, f.revision, s.confirmed, s.waiting, s.last_position, s.word
    FROM form f JOIN seat s ON s.form = f.slug
"""
_PEOPLE = """
    SELECT submission, form, status, position, revision, erased_at IS NOT NULL, offer_expires_at, offer_passed,
        lapses_at
    FROM registration
"""
_CANDIDATES = "SELECT submission, form, mailed_at, network IS NULL FROM candidate"
_SUBMISSIONS = """
    SELECT id, state, CASE WHEN state = 'received' THEN attempts END,
        CASE WHEN kind = 'erase' THEN jsonb_path_query_array(outcome, '$[*].result') END
    FROM submission
"""
_BOXES = "SELECT mailbox_ref, step, next_mail_at FROM mailbox"
_WAITING = "SELECT mailbox_ref, since FROM waiting_address"
_LINKS = "SELECT id::text, expires_at FROM confirmation_link"
_EVENTS = "SELECT id, revision, status, starts_at FROM event_copy"
_ROSTER = "SELECT registration_id::text, status, revision, position FROM roster"
_COUNTS = "SELECT event_id, status, registrations FROM event_count WHERE registrations <> 0"
_TALLIES = "SELECT name, registrations FROM tally WHERE dimension = 'form_kind' AND registrations <> 0"
_MAILS = """
    SELECT kind, subject::text, revision, recipient, event, state, message_id, unknowns, reason, created_at FROM mail
"""
_CONTACTS = "SELECT mail_id::text FROM mail_contact"
_SENT = "SELECT id::text FROM mail WHERE state = 'sent' AND kind <> 'verification'"
GIVEN_UP_AFTER = timedelta(hours=72)


def check_now(databases: ModelDatabases, model: ReferenceModel) -> None:
    """Seats, settings, waiting lists and every registration are as in the model."""
    seats = {
        slug: (
            form["capacity"],
            form["open"],
            form["revision"],
            model.confirmed(slug),
            len(model.line(slug)),
            form["last"],
            {"confirmed": "open", "waitlisted": "waiting-list", "full": "full"}[model.next_status(slug)],
        )
        for slug, form in model.forms.items()
    }
    people = {
        number: tuple(
            who[name] for name in ("form", "status", "position", "revision", "erased", "offer", "passed", "lapses_at")
        )
        for number, who in model.people.items()
    }
    copies = {name: (revision, *model.events[name][revision][:2]) for name, revision in model.consumed.items()}
    statements = (_SEATS, _PEOPLE, _EVENTS, _SUBMISSIONS, _CANDIDATES, _BOXES, _WAITING, _LINKS)
    found = [_by_first(rows) for rows in databases.at_once("registration", *((one, ()) for one in statements))]
    _agree("seats", found[0], seats)
    _agree("people", found[1], people)
    _agree("events as the forms know them", found[2], copies)
    _agree("submissions", found[3], _submissions(model))
    _agree("candidates", found[4], _candidates(model))
    _agree("mailboxes", found[5], _boxes(model))
    _agree("addresses that wait", found[6], {_mailbox(who): (since,) for who, since in model.waiting.items()})
    _agree("links", found[7], {link: (one["expires_at"],) for link, one in model.links.items()})


def _submissions(model: ReferenceModel) -> dict[int, tuple[Any, ...]]:
    return {
        number: (one["state"], model.queue[number]["attempts"] if one["state"] == "received" else None, one["outcome"])
        for number, one in model.states.items()
    }


def _candidates(model: ReferenceModel) -> dict[int, tuple[Any, ...]]:
    return {number: (one["form"], one["mailed_at"], one["network"] is None) for number, one in model.candidates.items()}


def _boxes(model: ReferenceModel) -> dict[bytes, tuple[Any, ...]]:
    return {_mailbox(who): (box["step"], box["next_at"]) for who, box in model.boxes.items()}


def _mailbox(who: str) -> bytes:
    return REFERENCES.address(f"{who}@example.org").mailbox


def check_rest(
    databases: ModelDatabases, model: ReferenceModel, ids: Mapping[int, str], copies: Mapping[tuple[str, str], int]
) -> None:
    """Everything was published, counted and mailed exactly once.

    Args:
        databases: at rest.
        model: of its history.
        ids: of its registrations, by the number of their submission.
        copies: how often the mail relay got what, by Message-ID and address.
    """
    known = list(model.people.values())
    roster = {
        ids[who["number"]]: (who["status"], who["revision"], who["place"] if who["status"] == "waitlisted" else None)
        for who in known
    }
    _agree("roster", _by_first(databases.rows("events", _ROSTER)), roster)
    counts = Counter((model.forms[who["form"]]["event"], who["status"]) for who in known)
    _agree("counts", {(row[0], row[1]): row[2] for row in databases.rows("events", _COUNTS)}, counts)
    kinds = Counter(model.forms[who["form"]]["kind"] for who in known if who["status"] in LIVE)
    _agree("tallies", dict(databases.rows("events", _TALLIES)), kinds)
    newest = {name: max(states) for name, states in model.events.items()}
    for service in ("registration", "notifications"):
        _agree(f"events in {service}", dict(databases.rows(service, "SELECT id, revision FROM event_copy")), newest)
    _check_mails(databases, model, {ids[number]: who for number, who in model.people.items()}, copies)
    assert sorted(databases.rows("events", _CONTACTS)) == sorted(databases.rows("notifications", _SENT))


def _check_mails(
    databases: ModelDatabases,
    model: ReferenceModel,
    people: Mapping[str, dict[str, Any]],
    copies: Mapping[tuple[str, str], int],
) -> None:
    """One row for each mail that is owed, and as many copies as are recorded; news and reminders once a person."""
    rows = [dict(zip(_NAMES, row, strict=True)) for row in databases.rows("notifications", _MAILS)]
    owed = Counter((row["kind"], row["subject"], row["revision"]) for row in rows if row["kind"] in TRUE_WHILE)
    numbers = {who["number"]: identity for identity, who in people.items()}
    due = {(kind, numbers[number], revision) for kind, number, revision in model.mails}
    unsaid = {mail for mail in due if people[mail[1]]["erased"] and mail not in owed}
    _agree("mails", owed, Counter(due - unsaid))
    about = [row for row in rows if row["subject"] in people]
    named = [row for row in about if (row["recipient"] is None) != people[row["subject"]]["erased"]]
    assert named == [], f"of an erased or unknown person: {named}"
    delivered = Counter({message_id: 0 for message_id, _ in copies})
    for (message_id, address), number in copies.items():
        delivered[message_id] += number
        subject = next(row["subject"] for row in rows if row["message_id"] == message_id)
        assert subject not in people or address == f"{people[subject]['who']}@example.org"
    for row in rows:
        number, sent = delivered[row["message_id"]], row["state"] == "sent"
        assert sent <= number <= sent + row["unknowns"], f"{number} copies of {row}"
        assert sent or _is_excused(row, people, databases), f"never sent: {row}"
        assert not sent or row["subject"] not in people or not _is_unmailed(row, people), f"sent: {row}"
    announced = [row for row in about if row["kind"] not in TRUE_WHILE and row["state"] != "cancelled"]
    announced = [row for row in announced if row["recipient"] is not None]
    counted = Counter((row["recipient"], row["event"], row["kind"], row["revision"]) for row in announced)
    assert [twice for twice, number in counted.items() if number > 1] == []


def _is_excused(row: dict[str, Any], people: Mapping[str, dict[str, Any]], databases: ModelDatabases) -> bool:
    """Whether there is a reason not to have sent a mail."""
    if row["state"] == "failed":
        return bool(databases.clock() - row["created_at"] >= GIVEN_UP_AFTER)
    if row["state"] == "unknown":
        return bool(row["unknowns"] > 0)
    if row["subject"] not in people:
        return False
    if people[row["subject"]]["erased"] or _is_unmailed(row, people):
        return row["state"] in ("cancelled", "missed")
    if row["kind"] not in TRUE_WHILE:
        return row["state"] in ("cancelled", "missed")
    return row["state"] == "cancelled" and people[row["subject"]]["status"] not in TRUE_WHILE[row["kind"]]


def _is_unmailed(row: dict[str, Any], people: Mapping[str, dict[str, Any]]) -> bool:
    """Whether no mail is sent: about a registration merged into another, or a new one whose link is mailed later."""
    who = people[row["subject"]]
    if row["kind"] == "cancelled-by-you":
        return bool(who["merged"])
    return row["kind"] in MAIL_OF.values() and row["revision"] == 1 and not who["mailed"]


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
    counted = [f"{key}: found {found.get(key)}, by the model {wanted.get(key)}" for key in differs]
    assert not differs, "\n".join([what, *counted])


def _by_first(rows: list[tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    return {row[0]: row[1:] for row in rows}
