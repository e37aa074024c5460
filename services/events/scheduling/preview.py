"""What publishing the draft board would do: who would be notified, and what would be refused."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.events.attendance.numbers import count_registered_on
from services.events.event.model import Event, visible_difference
from services.events.event.notices import is_mailed
from services.events.event.store import read_events
from services.events.scheduling.model import (
    TimetableEntry,
    difference,
)
from services.events.scheduling.publishing import Publication, by_proposal, loses_date
from services.events.scheduling.snapshot import Snapshot, entries_of
from services.events.scheduling.store import TimetableVersion
from shared.runtime.errors import DomainError
from shared.vocabulary.form_kinds import PROPOSAL, notified_kinds


@dataclass(frozen=True, slots=True)
class RefusedEntry:
    """A side event that keeps the board from being published: it was cancelled, or was held in another place."""

    proposal_id: str
    event: Event


@dataclass(frozen=True, slots=True)
class PublicationPreview:
    """Attributes:
    refused: what has to be resolved first.
    people: distinct people registered for side events that change, who get a mail about it; proposers are not counted.
    """

    refused: tuple[RefusedEntry, ...]
    people: int


def preview_publication(connection: Connection, snapshot: Snapshot, now: datetime) -> PublicationPreview:
    """What publishing the board at ``now`` (aware) would meet, and whom it would reach beside the proposers."""
    before, after = snapshot.version.entries if snapshot.version else (), entries_of(snapshot)
    names = {entry.event_id for entry in before + after}
    events: dict[str, Event | None] = {**dict.fromkeys(names), **(read_events(connection, names) if names else {})}
    version = TimetableVersion(snapshot.version.number + 1 if snapshot.version else 1, now, "", after)
    publication = Publication(snapshot, by_proposal(before), events, version, difference(before, after))
    refused = [entry for entry in after if publication.is_refused(entry)]
    mailed = [entry.event_id for entry in after if entry not in refused and _is_mailed(entry, publication)]
    mailed += [
        publication.before[name].event_id for name in publication.changed.removed if loses_date(name, publication)
    ]
    return PublicationPreview(
        tuple(RefusedEntry(entry.proposal_id, event) for entry in refused if (event := events[entry.event_id])),
        count_registered_on(connection, mailed, [kind for kind in notified_kinds(remote=False) if kind != PROPOSAL])
        if mailed
        else 0,
    )


def _is_mailed(entry: TimetableEntry, publication: Publication) -> bool:
    """Whether publishing mails the change of an event; one that breaks a rule is refused then, and reaches no one."""
    old = publication.events[entry.event_id]
    try:
        new, change = publication.event_of(entry)
    except DomainError:
        return False
    if old is None or change != "changed":
        return False
    return is_mailed(old, new, visible_difference(old, new), publication.version.published_at)
