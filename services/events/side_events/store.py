"""The tables of proposals and of their history: find, store, erase, list and count. Names of speakers are encrypted.

One that was erased is found only by the question whether it was; nor is one of which only the withdrawal has arrived.
"""

# ruff: noqa: S608 - names of our own columns and constant conditions, all values are parameters
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Row, TextClause, text

from services.events.side_events.model import (
    FieldChange,
    Proposal,
    ProposalRevision,
    ProposalStatus,
    ReceivedText,
    ReviewAction,
)
from services.events.tables import Counted, CountedGroup, GroupKey, count_all, count_by
from shared.security.audit_log import AuditRecord, publish_entry
from shared.security.sealing import EncryptedRows

_COLUMNS = (
    "title", "summary", "working_group", "organisation", "language", "attendance", "speakers", "speaker_names",
    "named_speakers", "preferred_on", "unavailable_on", "status", "note", "event_id", "revision", "submitted_at",
    "partner", "answers", "answers_revision", "suggestion", "suggested_revision", "suggested_names",
)  # fmt: skip
_LISTS = ("speakers", "named_speakers", "preferred_on", "unavailable_on")
_NAMES, _VALUES = ", ".join(_COLUMNS), ", ".join(f":{name}" for name in _COLUMNS)
LISTED = f"id::text AS id, {_NAMES}, encode(person_ref, 'hex') AS person_ref"
THERE = "erased_at IS NULL AND answers_revision > 0"
_ADD = text(f"""
    INSERT INTO proposal (id, {_NAMES}, person_ref) VALUES (CAST(:id AS uuid), {_VALUES}, decode(:person_ref, 'hex'))
    ON CONFLICT (id) DO UPDATE SET ({_NAMES}, person_ref) = ROW ({_VALUES}, decode(:person_ref, 'hex'))
""")
_STORE = text(f"""
    UPDATE proposal SET ({_NAMES}, person_ref) = ROW ({_VALUES}, decode(:person_ref, 'hex'))
    WHERE id = CAST(:id AS uuid)
""")
_FIND = text(f"SELECT {LISTED} FROM proposal WHERE id = CAST(:id AS uuid) AND {THERE}")
_LOCK = text(f"SELECT {LISTED} FROM proposal WHERE id = CAST(:id AS uuid) AND {THERE} FOR UPDATE")
_LOCK_ALL = text("SELECT id FROM proposal WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE")
_BY_STATUS = text(f"SELECT {LISTED} FROM proposal WHERE status = ANY(:statuses) AND {THERE} ORDER BY id")
_PUBLIC_NAMES = text("""
    SELECT event_id, public_names FROM proposal WHERE event_id = ANY(:events) AND public_names IS NOT NULL
""")
_NOT_NAMED_YET = text("""
    SELECT p.id::text AS id, p.speaker_names, p.public_names, s.speakers
    FROM proposal p, LATERAL (SELECT public_speakers(p) AS speakers) s
    WHERE p.status = 'scheduled' AND cardinality(s.speakers) > coalesce(jsonb_array_length(p.public_names), 0)
    ORDER BY p.id
""")
_NAME = text("""
    UPDATE proposal SET public_names = :names WHERE id = CAST(:id AS uuid) AND speaker_names = :encrypted
""")
_IS_ERASED = text("SELECT EXISTS (SELECT FROM proposal WHERE id = CAST(:id AS uuid) AND erased_at IS NOT NULL)")
_NOTHING = """title = '', summary = '', note = '', working_group = NULL, organisation = NULL, language = 'und',
    attendance = 1, speakers = '{}', speaker_names = NULL, named_speakers = '{}', preferred_on = '{}',
    unavailable_on = '{}', person_ref = NULL, partner = NULL, answers = '{}', answers_revision = 0, suggestion = NULL,
    suggested_revision = NULL, suggested_names = NULL"""
_ADD_EMPTY = """
    INSERT INTO proposal (id, title, summary, language, attendance, speakers, preferred_on, unavailable_on, status,
        note, revision, submitted_at, answers, answers_revision, erased_at)
    VALUES (CAST(:id AS uuid), '', '', 'und', 1, '{}', '{}', '{}', :status, '', 1, :at, '{}', 0, :erased_at)
"""
_ERASE = text(f"""
    UPDATE proposal
    SET {_NOTHING}, status = :status, revision = revision + 1, submitted_at = :at, erased_at = :erased_at
    WHERE id = CAST(:id AS uuid)
""")
_ADD_ERASED = text(_ADD_EMPTY)
_WITHDRAW_EARLY = text(f"{_ADD_EMPTY} ON CONFLICT (id) DO NOTHING")
_EARLY_WITHDRAWAL = text("SELECT submitted_at FROM proposal WHERE id = CAST(:id AS uuid) AND answers_revision = 0")

_RECORD = text("""
    INSERT INTO proposal_change (proposal_id, revision, status, action, note, changed_by, changed_at, changed)
    VALUES (CAST(:id AS uuid), :revision, :status, :action, :note, :changed_by, :changed_at, :changed)
""")
_RECORD_ERASURE = text("""
    INSERT INTO proposal_change (proposal_id, revision, status, action, note, changed_by, changed_at)
    SELECT id, revision, status, 'erased', '', '', erased_at FROM proposal WHERE id = CAST(:id AS uuid)
""")
_BLANK_RECORD = text("UPDATE proposal_change SET note = '', changed = '[]' WHERE proposal_id = CAST(:id AS uuid)")
_REVISION = "revision, status, action, note, changed_by, changed_at, changed"
_HISTORY = text(f"""
    SELECT {_REVISION} FROM proposal_change JOIN (SELECT id FROM proposal WHERE {THERE}) AS there ON id = proposal_id
    WHERE proposal_id = CAST(:id AS uuid) ORDER BY revision
""")
_SENT_AGAIN = text(f"""
    SELECT DISTINCT ON (proposal_id) proposal_id::text AS id, {_REVISION} FROM proposal_change
    WHERE proposal_id = ANY(CAST(:ids AS uuid[])) AND action = 'submitted' AND revision > 1
    ORDER BY proposal_id, revision DESC
""")

ARRIVAL, TITLE, ATTENDANCE = "submitted_at", "title", "attendance"
_ORDERS: Mapping[str, str] = {ARRIVAL: "proposal.id", TITLE: "lower(title)", ATTENDANCE: "attendance"}
"""What proposals are sorted by, then by their ids, which are in order of arrival."""

PROPOSAL_SORTS = tuple(name for order in _ORDERS for name in (order, f"-{order}"))
_CONDITIONS: Mapping[str, str] = {
    "status": "status = :status",
    "working_group": "working_group = :working_group",
    "organisation": "lower(organisation) = lower(:organisation)",
    "language": "language = :language",
    "partner": "partner = :partner",
    "event": "event_id = :event",
    "words": "concat_ws(' ', title, summary, organisation) ILIKE :words",
}
PROPOSAL_GROUPS: Mapping[str, GroupKey] = {
    **{name: GroupKey(name) for name in ("status", "working_group", "organisation", "language", "partner")},
    "preferred_on": GroupKey("preferred::text", "LEFT JOIN LATERAL unnest(preferred_on) preferred ON true"),
    "speaker_count": GroupKey("cardinality(speakers)"),
}
"""What can be counted by; a proposal that prefers several days counts for each."""


@dataclass(frozen=True, slots=True)
class ReviewStep:
    """What made a revision: done by whom (empty: its registration) and when (aware), and what it changed."""

    action: ReviewAction
    by: str
    at: datetime
    changes: tuple[FieldChange, ...] = ()


def read_proposal(connection: Connection, proposal_id: str) -> Proposal | None:
    """The proposal with this id (UUID text)."""
    row = connection.execute(_FIND, {"id": proposal_id}).first()
    return None if row is None else to_proposal(row)


def lock_proposal(connection: Connection, proposal_id: str) -> Proposal | None:
    """The proposal with this id, locked until the transaction ends."""
    row = connection.execute(_LOCK, {"id": proposal_id}).first()
    return None if row is None else to_proposal(row)


def lock_proposals(connection: Connection, proposal_ids: Collection[str]) -> None:
    """Lock all of these (UUID texts) until the transaction ends; in the order of their ids, to avoid
    deadlocks."""
    connection.execute(_LOCK_ALL, {"ids": list(proposal_ids)})


def insert_proposal(connection: Connection, proposal: Proposal) -> None:
    """Store a new proposal and its first revision."""
    connection.execute(_ADD, _row(proposal))
    _record(connection, proposal, ReviewStep(ReviewAction.SUBMITTED, "", proposal.submitted_at))


def update_proposal(connection: Connection, proposal: Proposal) -> None:
    """Store a proposal whose revision has not changed."""
    connection.execute(_STORE, _row(proposal))


def save_revision(connection: Connection, proposal: Proposal, reviewed: ReviewStep) -> None:
    """Store a new revision of ``proposal``, and what made it."""
    update_proposal(connection, proposal)
    _record(connection, proposal, reviewed)


def is_proposal_erased(connection: Connection, proposal_id: str) -> bool:
    """Whether a proposal was erased."""
    return bool(connection.execute(_IS_ERASED, {"id": proposal_id}).scalar_one())


def store_proposal_tombstone(connection: Connection, proposal_id: str, status: ProposalStatus, at: datetime) -> None:
    """Make a tombstone of a proposal, known or not. Who did what and when stays in the record, without any words."""
    values = {"id": proposal_id, "status": str(status), "at": at, "erased_at": at}
    if not connection.execute(_ERASE, values).rowcount:
        connection.execute(_ADD_ERASED, values)
    connection.execute(_BLANK_RECORD, values)
    connection.execute(_RECORD_ERASURE, values)


def store_early_withdrawal(connection: Connection, proposal_id: str, at: datetime) -> None:
    """Store the withdrawal of a proposal that is not known yet."""
    withdrawn = {"status": str(ProposalStatus.WITHDRAWN), "erased_at": None}
    connection.execute(_WITHDRAW_EARLY, {"id": proposal_id, "at": at, **withdrawn})


def early_withdrawal(connection: Connection, proposal_id: str) -> datetime | None:
    """When a proposal was withdrawn before it was known; None if it was not."""
    found: datetime | None = connection.execute(_EARLY_WITHDRAWAL, {"id": proposal_id}).scalar()
    return found


def proposals_with_status(connection: Connection, statuses: Collection[ProposalStatus]) -> list[Proposal]:
    """All proposals with one of ``statuses``, in order of arrival."""
    rows = connection.execute(_BY_STATUS, {"statuses": [str(status) for status in statuses]})
    return [to_proposal(row) for row in rows]


@dataclass(frozen=True, slots=True)
class PublicName:
    """The name of a speaker who agrees to be named, and their reference."""

    speaker: str
    name: str


@dataclass(frozen=True, slots=True)
class UnnamedSpeakers:
    """A proposal of which a public name is missing.

    Attributes:
        id: UUID text.
        encrypted: names of all its speakers.
        named: those that are stored in clear.
        speakers: references of those who may be named.
    """

    id: str
    encrypted: bytes = field(repr=False)
    named: tuple[PublicName, ...]
    speakers: frozenset[str]


def read_public_names(connection: Connection, event_ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The names that are public now, by side event; those without one are not in the answer."""
    rows = connection.execute(_PUBLIC_NAMES, {"events": list(event_ids)})
    return {row.event_id: tuple(public_name.name for public_name in _public_names(row.public_names)) for row in rows}


def select_unnamed(connection: Connection) -> list[UnnamedSpeakers]:
    """The proposals with a speaker whose name is to be public and is not stored in clear yet."""
    return [
        UnnamedSpeakers(row.id, bytes(row.speaker_names), _public_names(row.public_names), frozenset(row.speakers))
        for row in connection.execute(_NOT_NAMED_YET)
    ]


def store_public_names(connection: Connection, unnamed: UnnamedSpeakers, names: Sequence[PublicName]) -> None:
    """Store names in clear, unless the encrypted list is another one by now; the database leaves out who may not be
    named at that time."""
    values = {
        "id": unnamed.id,
        "encrypted": unnamed.encrypted,
        "names": Jsonb([asdict(public_name) for public_name in names]),
    }
    connection.execute(_NAME, values)


def _public_names(stored: Sequence[Mapping[str, str]] | None) -> tuple[PublicName, ...]:
    return tuple(PublicName(**stored_name) for stored_name in stored or ())


def select_history(connection: Connection, proposal_id: str) -> list[ProposalRevision]:
    """Every revision of a proposal (UUID text), from the first on; none once it is erased."""
    return [_revision(row) for row in connection.execute(_HISTORY, {"id": proposal_id})]


def select_resubmissions(connection: Connection, proposal_ids: Collection[str]) -> dict[str, ProposalRevision]:
    """The last time that each of these was submitted again; without those that never were."""
    return {row.id: _revision(row) for row in connection.execute(_SENT_AGAIN, {"ids": list(proposal_ids)})}


def _record(connection: Connection, proposal: Proposal, reviewed: ReviewStep) -> None:
    row: dict[str, Any] = {
        "id": proposal.id,
        "revision": proposal.revision,
        "status": str(proposal.status),
        "action": str(reviewed.action),
        "note": proposal.note,
        "changed_by": reviewed.by,
        "changed_at": reviewed.at,
        "changed": Jsonb([asdict(change) for change in reviewed.changes]),
    }
    connection.execute(_RECORD, row)
    if reviewed.by:
        act, detail = f"proposal-{reviewed.action}", {"revision": proposal.revision}
        record = AuditRecord(reviewed.by, act, "proposal", proposal.id, detail)
        publish_entry(connection, record, reviewed.at)


def _row(proposal: Proposal) -> dict[str, Any]:
    suggestion = proposal.suggestion
    row = {name: getattr(proposal, name) for name in _COLUMNS if not name.startswith("sugges")}
    return (
        row
        | {name: list(row[name]) for name in _LISTS}
        | {"id": proposal.id, "person_ref": proposal.person_ref, "status": str(proposal.status)}
        | {
            "answers": Jsonb(dict(proposal.answers)),
            "suggestion": Jsonb(dict(suggestion.text)) if suggestion else None,
            "suggested_revision": suggestion.revision if suggestion else None,
            "suggested_names": suggestion.speaker_names if suggestion else None,
        }
    )


def to_proposal(row: Row[Any]) -> Proposal:
    """The proposal of a row with the columns ``LISTED``."""
    values = dict(row._mapping)
    suggested, revision, names = (values.pop(name) for name in ("suggestion", "suggested_revision", "suggested_names"))
    suggestion = None if suggested is None else ReceivedText(revision, suggested, _bytes(names))
    values |= {name: tuple(values[name]) for name in _LISTS}
    values |= {"status": ProposalStatus(values["status"]), "speaker_names": _bytes(values["speaker_names"])}
    return Proposal(**values, suggestion=suggestion)


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _revision(row: Row[Any]) -> ProposalRevision:
    return ProposalRevision(
        number=row.revision,
        status=ProposalStatus(row.status),
        action=ReviewAction(row.action),
        note=row.note,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
        changes=tuple(FieldChange(**change) for change in row.changed),
    )


def _encrypted(column: str) -> EncryptedRows:
    """A column of encrypted names, row by row, for re-encryption. It makes no revision."""

    def statement(words: str) -> TextClause:
        return text(words.format(column=column))

    return EncryptedRows(
        read=statement("""
            SELECT id::text, {column} FROM proposal
            WHERE {column} IS NOT NULL AND (:after = '' OR id > CAST(nullif(:after, '') AS uuid))
            ORDER BY id LIMIT :most
        """),
        take=statement("""
            SELECT id::text, {column} FROM proposal WHERE id = ANY(CAST(:ids AS uuid[])) AND {column} IS NOT NULL
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
        """),
        put=statement("UPDATE proposal SET {column} = :closed WHERE id = CAST(:id AS uuid)"),
    )


ENCRYPTED_COLUMNS: Mapping[str, EncryptedRows] = {
    "lists of speakers": _encrypted("speaker_names"),
    "suggested lists of speakers": _encrypted("suggested_names"),
}
"""What is encrypted in the table, by what it is for operators."""


@dataclass(frozen=True, slots=True)
class ProposalFilter:
    """Which proposals; None means any.

    Attributes:
        words: a text in title, summary or organisation, in upper or lower case.
        sort: one of ``SORTS``.
        after: the id of the last one before.
    """

    status: str | None = None
    working_group: str | None = None
    after: str | None = None
    limit: int = 50
    organisation: str | None = None
    language: str | None = None
    partner: str | None = None
    event: str | None = None
    words: str | None = None
    sort: str = ARRIVAL


def select_proposals(connection: Connection, wanted: ProposalFilter) -> list[Proposal]:
    """At most ``wanted.limit`` proposals in the requested order."""
    key = _ORDERS[wanted.sort.removeprefix("-")]
    direction, beyond = ("DESC", "<") if wanted.sort.startswith("-") else ("ASC", ">")
    where = _conditions(wanted)
    if wanted.after:
        last = f"(SELECT {key}, proposal.id FROM proposal WHERE id = CAST(:after AS uuid))"
        where += f" AND ({key}, proposal.id) {beyond} {last}"
    query = text(f"""
        SELECT {LISTED} FROM proposal WHERE {where}
        ORDER BY {key} {direction}, proposal.id {direction} LIMIT :limit
    """)
    return [to_proposal(row) for row in connection.execute(query, _values(wanted))]


def count_proposal_rows(connection: Connection, wanted: ProposalFilter) -> int:
    """How many proposals fit, on all pages."""
    return count_all(connection, _counted(wanted))


def count_proposal_groups(
    connection: Connection, wanted: ProposalFilter, names: Sequence[str], at_least: int
) -> list[CountedGroup]:
    """How many proposals have the same values of ``names``, which are of ``GROUPS``."""
    return count_by(connection, _counted(wanted), {name: PROPOSAL_GROUPS[name] for name in names}, at_least)


def _counted(wanted: ProposalFilter) -> Counted:
    return Counted("FROM proposal", _conditions(wanted), _values(wanted))


def _conditions(wanted: ProposalFilter) -> str:
    given = (condition for name, condition in _CONDITIONS.items() if getattr(wanted, name))
    return " AND ".join([THERE, *given])


def _values(wanted: ProposalFilter) -> dict[str, Any]:
    words = (wanted.words or "").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return asdict(wanted) | {"words": f"%{words}%"}
