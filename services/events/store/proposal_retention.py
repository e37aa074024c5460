"""Proposals that have been kept long enough, a bite at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.events.domain.proposal import ProposalStatus
from shared.store.retention_notices import MAY_GO, Noticed, notice_statements

_LAST_DAY = """CASE WHEN p.status = 'scheduled' AND e.starts_at IS NULL AND e.status <> 'cancelled' THEN NULL
    ELSE greatest(e.starts_at, e.ends_at, CASE WHEN e.status = 'cancelled' THEN e.changed_at END,
        (SELECT max(c.changed_at) FROM proposal_change c WHERE c.proposal_id = p.id)) END"""
_THERE = "FROM proposal p LEFT JOIN event e ON e.id = p.event_id WHERE p.erased_at IS NULL"
_HOLDING = """ AND ('speakers' = ANY(:names) AND (p.speakers <> '{}' OR p.speaker_names IS NOT NULL)
        OR 'summary' = ANY(:names) AND p.summary <> ''
        OR 'organisation' = ANY(:names) AND p.organisation IS NOT NULL
        OR 'preferred_days' = ANY(:names) AND p.preferred_on <> '{}'
        OR 'unavailable_days' = ANY(:names) AND p.unavailable_on <> '{}'
        OR EXISTS (SELECT FROM proposal_change c, jsonb_array_elements(c.changed) one
            WHERE c.proposal_id = p.id AND one ->> 'field' = ANY(:told)))"""
"""Also where only the record of changes still tells what an answer was."""

_DUE = f" AND p.status = ANY(:statuses) AND {_LAST_DAY} < :before"
_PEOPLE = _THERE + _DUE
_ANSWERS = _PEOPLE + _HOLDING
_ORDERED = " ORDER BY p.id LIMIT :most"

_LAST_DAY_OF = text(f"SELECT {_LAST_DAY} {_THERE} AND p.id = CAST(:id AS uuid)")
_MAY_GO = f" AND {MAY_GO.format(id='p.id')}"
_DUE_PEOPLE = text(f"SELECT p.id::text {_PEOPLE}{_MAY_GO}{_ORDERED}")
_DUE_ANSWERS = text(f"SELECT p.id::text {_ANSWERS}{_MAY_GO}{_ORDERED} FOR UPDATE OF p SKIP LOCKED")
_PEOPLE_NOTICES = notice_statements(f"SELECT p.id {_PEOPLE}")
_ANSWERS_NOTICES = notice_statements(f"SELECT p.id {_ANSWERS}")
_COUNT_PEOPLE = text(f"SELECT count(*) {_PEOPLE}")
_COUNT_ANSWERS = text(f"SELECT count(*) {_ANSWERS}")
_KEPT = f"SELECT count(*), min({_LAST_DAY}) {_THERE} AND p.status = ANY(:statuses)"
_KEPT_PEOPLE, _KEPT_ANSWERS = text(_KEPT), text(_KEPT + _HOLDING)

_DROP = text("""
    UPDATE proposal SET
        speakers = CASE WHEN 'speakers' = ANY(:names) THEN '{}' ELSE speakers END,
        speaker_names = CASE WHEN 'speakers' = ANY(:names) THEN NULL ELSE speaker_names END,
        summary = CASE WHEN 'summary' = ANY(:names) THEN '' ELSE summary END,
        organisation = CASE WHEN 'organisation' = ANY(:names) THEN NULL ELSE organisation END,
        preferred_on = CASE WHEN 'preferred_days' = ANY(:names) THEN '{}' ELSE preferred_on END,
        unavailable_on = CASE WHEN 'unavailable_days' = ANY(:names) THEN '{}' ELSE unavailable_on END
    WHERE id = ANY(CAST(:ids AS uuid[]))
""")
_DROP_TOLD = text("""
    UPDATE proposal_change SET changed = coalesce((
        SELECT jsonb_agg(one ORDER BY place) FROM jsonb_array_elements(changed) WITH ORDINALITY AS told(one, place)
        WHERE one ->> 'field' <> ALL(:told)), '[]')
    WHERE proposal_id = ANY(CAST(:ids AS uuid[])) AND changed <> '[]'
""")

_RECORDED: Mapping[str, str] = {"preferred_days": "preferred_on", "unavailable_days": "unavailable_on"}
"""The name of an answer in the record of changes, where it is not that of the question."""


@dataclass(frozen=True, slots=True)
class Due:
    """Attributes:
    statuses: of the proposals that it is about.
    before: whose last day was earlier is due.
    names: of the questions that it is about; none: the whole proposal.
    """

    statuses: Sequence[ProposalStatus]
    before: datetime
    names: tuple[str, ...] = field(default=())

    def values(self) -> dict[str, Any]:
        """For a statement."""
        found = {"statuses": [str(status) for status in self.statuses], "before": self.before}
        return found | (_named(self.names) if self.names else {})


def noticed(step: str, due: Due) -> Noticed:
    """How what is due is announced; ``step`` is the notices' name."""
    statements = _ANSWERS_NOTICES if due.names else _PEOPLE_NOTICES
    return Noticed(step, "proposal", statements, due.values())


def last_day_of(connection: Connection, proposal_id: str) -> datetime | None:
    """When a proposal that is there last changed, or its side event ends, whichever is later; None while it stands in
    the timetable without a date."""
    last_day: datetime | None = connection.execute(_LAST_DAY_OF, {"id": proposal_id}).scalar_one()
    return last_day


def due_people(connection: Connection, step: Noticed, announced_before: datetime, most: int) -> list[str]:
    """Ids of up to ``most`` proposals that are to be erased, and may go."""
    return list(connection.execute(_DUE_PEOPLE, _limits(step, announced_before, most)).scalars())


def drop_answers(connection: Connection, step: Noticed, announced_before: datetime, most: int) -> int:
    """Delete the named answers of up to ``most`` proposals that may go, also from the record of changes.

    Whoever has one of them in hand is not waited for. It makes no revision: nobody changed what was proposed.

    Returns:
        of how many.
    """
    ids = list(connection.execute(_DUE_ANSWERS, _limits(step, announced_before, most)).scalars())
    if ids:
        connection.execute(_DROP, {"ids": ids, "names": step.values["names"]})
        connection.execute(_DROP_TOLD, {"ids": ids, "told": step.values["told"]})
    return len(ids)


def count_due(connection: Connection, due: Due) -> int:
    """How many proposals are due."""
    return int(connection.execute(_COUNT_ANSWERS if due.names else _COUNT_PEOPLE, due.values()).scalar_one())


def count_kept(connection: Connection, due: Due) -> tuple[int, datetime | None]:
    """How many there are, due or not, and the earliest of their last days; None if none has one."""
    values = due.values()
    del values["before"]
    number, first = connection.execute(_KEPT_ANSWERS if due.names else _KEPT_PEOPLE, values).one()
    return number, first


def _limits(step: Noticed, announced_before: datetime, most: int) -> dict[str, Any]:
    return {**step.values, "step": step.step, "announced_before": announced_before, "most": most}


def _named(names: tuple[str, ...]) -> dict[str, Any]:
    return {"names": list(names), "told": [_RECORDED.get(name, name) for name in names]}
