"""Proposals filtered, sorted, in pages, and counted. None that was erased is found."""

# ruff: noqa: S608 - statements are put together from constant parts; all values are parameters

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, text

from services.events.domain.proposal import Proposal
from services.events.store.grouping import Counted, CountedGroup, GroupKey, count_all, count_by
from services.events.store.proposals import LISTED, THERE, to_proposal

ARRIVAL, TITLE, ATTENDANCE = "submitted_at", "title", "attendance"
_ORDERS: Mapping[str, str] = {ARRIVAL: "proposal.id", TITLE: "lower(title)", ATTENDANCE: "attendance"}
"""What proposals are sorted by, then by their ids, which are in order of arrival."""

SORTS = tuple(name for order in _ORDERS for name in (order, f"-{order}"))
_CONDITIONS: Mapping[str, str] = {
    "status": "status = :status",
    "working_group": "working_group = :working_group",
    "organisation": "lower(organisation) = lower(:organisation)",
    "language": "language = :language",
    "partner": "partner = :partner",
    "event": "event_id = :event",
    "words": "concat_ws(' ', title, summary, organisation) ILIKE :words",
}
GROUPS: Mapping[str, GroupKey] = {
    **{name: GroupKey(name) for name in ("status", "working_group", "organisation", "language", "partner")},
    "preferred_on": GroupKey("preferred::text", "LEFT JOIN LATERAL unnest(preferred_on) preferred ON true"),
    "speaker_count": GroupKey("cardinality(speakers)"),
}
"""What can be counted by; whoever prefers several days counts for each."""


@dataclass(frozen=True, slots=True)
class ProposalFilter:
    """Which proposals; None means any.

    Attributes:
        words: a text in title, summary or organisation, upper or lower case alike.
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


def select(connection: Connection, wanted: ProposalFilter) -> list[Proposal]:
    """At most ``wanted.limit`` proposals, in the order that is asked for."""
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


def count(connection: Connection, wanted: ProposalFilter) -> int:
    """How many proposals fit, on all pages."""
    return count_all(connection, _counted(wanted))


def count_groups(
    connection: Connection, wanted: ProposalFilter, names: Sequence[str], at_least: int
) -> list[CountedGroup]:
    """How many proposals have the same values of ``names``, which are of ``GROUPS``."""
    return count_by(connection, _counted(wanted), {name: GROUPS[name] for name in names}, at_least)


def _counted(wanted: ProposalFilter) -> Counted:
    return Counted("FROM proposal", _conditions(wanted), _values(wanted))


def _conditions(wanted: ProposalFilter) -> str:
    given = (condition for name, condition in _CONDITIONS.items() if getattr(wanted, name))
    return " AND ".join([THERE, *given])


def _values(wanted: ProposalFilter) -> dict[str, Any]:
    words = (wanted.words or "").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return asdict(wanted) | {"words": f"%{words}%"}
