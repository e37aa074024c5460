"""What the three databases hold about the same records, and where they differ. It reads ids, states and times only.

The owner's row is authoritative. Where a copy is newer than the owner's row, the owner was restored from an
older backup; where a copy has what the owner lacks, the owner has lost it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from deploy.operations.audit.facts import CONSUMING_QUEUES
from deploy.operations.recover.databases import EVENTS, NOTIFICATIONS, REGISTRATION, SERVICES, ComparedDatabases
from deploy.operations.recover.decisions import Decision, decisions_behind
from shared.messaging.contracts.registry import service_of
from shared.runtime.ids import first_id_of

KEPT = timedelta(days=7)
"""How long published messages surely stay in the outboxes: an older message that is only in an inbox is no orphan."""

_REGISTRATIONS = "SELECT id::text, form, status, revision, erased_at IS NOT NULL FROM registration"
_LOST = "SELECT id::text FROM lost_registration"
_ROSTER = "SELECT registration_id::text, form, status, revision, erased_at IS NOT NULL FROM roster"
_RECIPIENTS = """
    SELECT subject::text, form, status, revision, erased_at IS NOT NULL FROM recipient WHERE about = 'registration'
"""
_OUTBOX = "SELECT message_id::text, type, published_at IS NOT NULL AND blanked_at IS NULL FROM outbox"
_INBOX = "SELECT consumer, message_id::text FROM inbox"
_UNPUBLISHED = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
_EVENTS = "SELECT id, revision FROM event"
_EVENT_COPIES = "SELECT id, revision FROM event_copy"
_NEWEST = {
    REGISTRATION: "SELECT max(stored_at) FROM outbox",
    EVENTS: "SELECT max(stored_at) FROM outbox",
    NOTIFICATIONS: "SELECT max(stored_at) FROM outbox",
}
_FORGETFUL = "SELECT slug FROM form WHERE keep_days IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Known:
    """What a database holds about one registration."""

    form: str
    status: str
    revision: int
    erased: bool


Registrations = Mapping[str, Known]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Attributes:
    newest: when each database last stored a message; None if it holds none.
    lost: registrations that registration no longer has, with what other services hold about them.
    behind: registrations whose state in registration is older than a copy, with the newest copy.
    lagging: the registrations whose copy is missing or older, by service.
    unheard: the ids of published messages that a consumer has not consumed, by producer.
    orphans: the consumed messages that no producer has, as (queue, message id), by service.
    unpublished: how many messages no relay has taken to the broker yet.
    events_behind: the revision of the newest copy by event, where events has an older one or none.
    decisions_behind: decisions on proposals that registration has and events lacks.
    event_copies_lagging: events whose copy in registration or notifications is older than in events.
    """

    newest: Mapping[str, datetime | None]
    lost: Registrations
    behind: Registrations
    lagging: Mapping[str, tuple[str, ...]]
    unheard: Mapping[str, tuple[str, ...]]
    orphans: Mapping[str, tuple[tuple[str, str], ...]]
    unpublished: int = 0
    events_behind: Mapping[str, int] = field(default_factory=dict)
    event_copies_lagging: tuple[str, ...] = ()
    decisions_behind: tuple[Decision, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether only mails are left to handle, and no message is in transit."""
        lists = (*self.lagging.values(), *self.unheard.values(), *self.orphans.values())
        left = (self.lost, self.behind, self.events_behind, self.event_copies_lagging, self.decisions_behind)
        return not (any(left) or any(lists) or self.unpublished)


def compare(databases: ComparedDatabases) -> Comparison:
    """Read and compare; changes nothing.

    Raises:
        Unavailable: a database does not answer.
    """
    owned = _known(databases.rows(REGISTRATION, _REGISTRATIONS))
    gone = {row[0] for row in databases.rows(REGISTRATION, _LOST)}
    roster = _known(databases.rows(EVENTS, _ROSTER))
    recipients = _known(databases.rows(NOTIFICATIONS, _RECIPIENTS))
    forgetful = {row[0] for row in databases.rows(REGISTRATION, _FORGETFUL)}
    unheard, orphans = _messages(databases)
    events_behind, copies_lagging = _events(databases)
    return Comparison(
        {service: databases.rows(service, _NEWEST[service])[0][0] for service in SERVICES},
        _lost(owned, gone, forgetful, roster, recipients),
        _behind(owned, roster, recipients),
        {EVENTS: _lagging(owned, roster), NOTIFICATIONS: _lagging(owned, recipients)},
        unheard,
        orphans,
        sum(databases.rows(service, _UNPUBLISHED)[0][0] for service in SERVICES),
        events_behind,
        copies_lagging,
        tuple(decisions_behind(databases)),
    )


def _known(rows: Iterable[tuple[object, ...]]) -> dict[str, Known]:
    return {str(row[0]): Known(str(row[1]), str(row[2]), int(str(row[3])), bool(row[4])) for row in rows}


def newest_of(*copies: Known | None) -> Known | None:
    """The copy of the highest revision; an erasure takes precedence over every revision."""
    there = [copy for copy in copies if copy is not None]
    return max(there, key=lambda one: (one.erased, one.revision)) if there else None


def _lost(
    owned: Registrations, gone: set[str], forgetful: set[str], roster: Registrations, recipients: Registrations
) -> dict[str, Known]:
    """A tombstone of a form that deletes registrations is no loss; nor is a registration that was removed already."""
    found = {}
    for identity in sorted((roster.keys() | recipients.keys()) - owned.keys()):
        copies = roster.get(identity), recipients.get(identity)
        newest = newest_of(*copies)
        if newest is None or (newest.erased and newest.form in forgetful):
            continue
        if identity in gone and all(copy is None or copy.erased for copy in copies):
            continue
        found[identity] = newest
    return found


def _behind(owned: Registrations, roster: Registrations, recipients: Registrations) -> dict[str, Known]:
    found = {}
    for identity, known in owned.items():
        newest = newest_of(roster.get(identity), recipients.get(identity))
        if newest is not None and not known.erased and (newest.erased or newest.revision > known.revision):
            found[identity] = newest
    return found


def _lagging(owned: Registrations, copies: Registrations) -> tuple[str, ...]:
    return tuple(
        identity
        for identity, known in owned.items()
        if (copy := copies.get(identity)) is None or copy.revision < known.revision or known.erased > copy.erased
    )


def _messages(
    databases: ComparedDatabases,
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[tuple[str, str], ...]]]:
    """Published messages that a consumer lacks, by producer; consumed messages that no producer has, by consumer."""
    queues: dict[str, list[str]] = {}
    for kind, queue in CONSUMING_QUEUES:
        queues.setdefault(kind, []).append(queue)
    taken = {service: {(row[0], row[1]) for row in databases.rows(service, _INBOX)} for service in SERVICES}
    unheard, stored = {}, set[str]()
    for service in SERVICES:
        outbox = databases.rows(service, _OUTBOX)
        stored |= {row[0] for row in outbox}
        unheard[service] = tuple(
            identity
            for identity, kind, is_out in outbox
            if is_out and any((queue, identity) not in taken[service_of(queue)] for queue in queues.get(kind, ()))
        )
    oldest = first_id_of(datetime.now(UTC) - KEPT)
    orphans = {
        service: tuple(
            sorted(
                (queue, message_id)
                for queue, message_id in taken[service]
                if message_id > oldest and message_id not in stored
            )
        )
        for service in SERVICES
    }
    return unheard, orphans


def _events(databases: ComparedDatabases) -> tuple[dict[str, int], tuple[str, ...]]:
    owned: dict[str, int] = {row[0]: row[1] for row in databases.rows(EVENTS, _EVENTS)}
    copies = [
        {row[0]: row[1] for row in databases.rows(service, _EVENT_COPIES)} for service in (REGISTRATION, NOTIFICATIONS)
    ]
    newest: dict[str, int] = {}
    for copy in copies:
        for identity, revision in copy.items():
            newest[identity] = max(revision, newest.get(identity, 0))
    behind = {identity: revision for identity, revision in newest.items() if revision > owned.get(identity, 0)}
    known = {**owned, **behind}
    lagging = tuple(identity for identity in newest if any(copy.get(identity, 0) < known[identity] for copy in copies))
    return behind, lagging
