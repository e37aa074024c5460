"""The plan of a recovery: what was found, what will be done, what does not come back, and who must be written to."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from deploy.operations.recover.comparing import Comparison, compare
from deploy.operations.recover.databases import NOTIFICATIONS, SERVICES, ComparedDatabases
from deploy.operations.recover.mails import Outcomes, find_outcomes, lost_links, unknown_to_notifications
from deploy.operations.recover.state_digest import digest_of
from shared.cli.keys import aligned
from shared.db.quarantine import Quarantine
from shared.runtime.accounts import write_private

SHOWN = 20
"""Ids of each list that are printed; the file has all of them."""


LOST = "their registration is lost"
UNMAILED_LOST = "their submission is lost, and they wait for the mail with its link"
CHANGE_LOST = "their last change of answers or address may be lost"


class PlanRefused(Exception):
    """A plan cannot be made or applied; the text has the reason and the next step."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Attributes:
    digest: the digest of the state that was seen.
    made_at: the time of its creation, in UTC.
    databases: the quarantine and newest message of each database, by service.
    take_back: registrations that get the state which other services hold.
    erase_again: registrations that were erased since the backup.
    remove: registrations that are lost, and are erased where they are still known.
    publish_again: how many messages a consumer lacks, by producer.
    copies: how many registrations have no copy, or an older one, by service.
    forget: how many messages were consumed that no outbox holds, by service.
    events: events whose public state comes back from the copies.
    decisions: proposals that get back the decision which registration holds.
    mails_sent: how many waiting mails are marked as sent.
    mails_unknown: how many waiting mails are marked as unknown.
    mails_missing: mails that other services record as sent and notifications does not.
    sent_known: whether a list of sent mails was given.
    write_to: the references of registrations, or of links, whose people must be written to, by reason.
    halted: why each halted queue is halted.
    """

    digest: str
    made_at: str
    databases: Mapping[str, str]
    take_back: Sequence[str] = ()
    erase_again: Sequence[str] = ()
    remove: Sequence[str] = ()
    publish_again: Mapping[str, int] = field(default_factory=dict)
    copies: Mapping[str, int] = field(default_factory=dict)
    forget: Mapping[str, int] = field(default_factory=dict)
    events: Sequence[str] = ()
    decisions: Sequence[str] = ()
    mails_sent: int = 0
    mails_unknown: int = 0
    mails_missing: int = 0
    sent_known: bool = False
    write_to: Mapping[str, Sequence[str]] = field(default_factory=dict)
    halted: Mapping[str, str] = field(default_factory=dict)

    @property
    def lost_people(self) -> Sequence[str]:
        """References of lost registrations, and of links to lost submissions, whose people must be written to."""
        return [*self.write_to.get(LOST, ()), *self.write_to.get(UNMAILED_LOST, ())]

    def lines(self) -> Iterator[str]:
        """The plan for a person."""
        yield from aligned([(service, state) for service, state in self.databases.items()])
        yield ""
        yield from _listed("registrations get the state that other services hold", self.take_back)
        yield from _listed("registrations are erased again", self.erase_again)
        yield from _listed("registrations are lost and are removed elsewhere", self.remove)
        yield from _listed("events get their public state back", self.events)
        yield from _listed("proposals get their newest decision back", self.decisions)
        for text, counts in (
            ("messages of {} are published again", self.publish_again),
            ("copies in {} are older than registration, or missing", self.copies),
            ("messages were consumed by {} that no outbox holds: removed from its inbox", self.forget),
        ):
            yield from (f"{count:>8,} {text.format(service)}" for service, count in counts.items() if count)
        yield f"{self.mails_missing:>8,} mails were sent that notifications does not know: marked, not sent again"
        if not self.sent_known:
            yield "         no list of sent mails was given: a mail that may have gone is left as unknown, not sent"
        for queue, reason in self.halted.items():
            yield f"         {queue} is halted ({reason}): resume it before `troika recover apply`, which waits for it"
        for reason, people in self.write_to.items():
            yield from _listed(f"people must be written to: {reason}", people)


def make_plan(databases: ComparedDatabases, now: datetime, sent: frozenset[str] | None) -> Plan:
    """Compare the databases and write the plan; changes nothing.

    Raises:
        PlanRefused: no database is in quarantine.
        Unavailable: a database does not answer.
    """
    quarantines = databases.quarantines()
    require_quarantine(quarantines)
    found = compare(databases)
    outcomes, missing = _outcomes(databases, quarantines, sent)
    erased = [identity for identity, newest in found.behind.items() if newest.erased]
    changed = [identity for identity, newest in found.behind.items() if not newest.erased]
    living = [identity for identity, newest in found.lost.items() if not newest.erased]
    return Plan(
        digest=digest_of(databases, sent or ()),
        made_at=now.isoformat(timespec="seconds"),
        databases={service: _state(service, quarantines, found) for service in SERVICES},
        take_back=changed,
        erase_again=erased,
        remove=list(found.lost),
        publish_again={service: len(ids) for service, ids in found.unheard.items()},
        copies={service: len(ids) for service, ids in found.lagging.items()},
        forget={service: len(ids) for service, ids in found.orphans.items()},
        events=list(found.events_behind),
        decisions=[decision[0] for decision in found.decisions_behind],
        mails_sent=len(outcomes.sent),
        mails_unknown=len(outcomes.unknown),
        mails_missing=missing,
        sent_known=sent is not None,
        write_to={
            LOST: living,
            UNMAILED_LOST: sorted(lost_links(databases)),
            CHANGE_LOST: changed,
        },
        halted=databases.halted(),
    )


def require_quarantine(quarantines: Mapping[str, Quarantine]) -> None:
    """Refuse if a database could change in the meantime.

    Raises:
        PlanRefused: a database is not in quarantine.
    """
    missing = [service for service in SERVICES if service not in quarantines]
    if missing:
        raise PlanRefused(
            f'not in quarantine: {", ".join(missing)}. Nothing was done. `troika recover begin --reason "…"` puts all '
            "three databases into quarantine: forms close and no mail is sent until `troika recover end`"
        )


def is_restored(quarantines: Mapping[str, Quarantine], missing: int) -> bool:
    """Whether notifications was restored from a backup: by its quarantine, or if others record more of its mails."""
    one = quarantines.get(NOTIFICATIONS)
    return bool(missing) or (one is not None and one.backup_at is not None)


def _outcomes(
    databases: ComparedDatabases, quarantines: Mapping[str, Quarantine], sent: frozenset[str] | None
) -> tuple[Outcomes, int]:
    missing = len(unknown_to_notifications(databases))
    if not is_restored(quarantines, missing):
        return Outcomes(), missing
    return find_outcomes(databases, quarantines[NOTIFICATIONS].since, sent), missing


def _state(service: str, quarantines: Mapping[str, Quarantine], found: Comparison) -> str:
    newest = found.newest[service]
    last = f"last message {newest.isoformat(timespec='seconds')}" if newest else "no messages"
    return f"{last}; quarantine {quarantines[service]}"


def _listed(what: str, ids: Sequence[str]) -> Iterator[str]:
    if ids:
        yield f"{len(ids):>8,} {what}"
        yield from (f"         {identity}" for identity in ids[:SHOWN])
        if len(ids) > SHOWN:
            yield f"         … and {len(ids) - SHOWN:,} more, in the file"


def write_plan(plan: Plan, path: Path) -> None:
    """Write the plan to a new file that only we can read; a file or a link that has its name is removed."""
    write_private(path, json.dumps(asdict(plan), ensure_ascii=False, indent=2) + "\n", None)


def read_plan(path: Path) -> Plan:
    """The plan in a file.

    Raises:
        PlanRefused: it holds none.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        return Plan(**content)
    except (OSError, ValueError, TypeError) as error:
        raise PlanRefused(f"{path} holds no plan: {type(error).__name__}") from error
