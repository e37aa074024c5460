"""Which working groups have a representative at which events: a row for each group that is asked to an event."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import marshmallow as ma
from sqlalchemy import Connection

from services.events.api.change_schemas import one_of_field
from services.events.domain.coverage import asked_of
from services.events.domain.event import Event, EventKind, EventStatus
from services.events.questions.lists import Query, QuestionList
from services.events.setup.kinds import Listing, Values
from services.events.setup.schemas import fields_of, shown_text
from services.events.store import contacts, events, network, roster
from services.events.store.events import Audience, EventFilter
from services.events.store.roster import Representatives
from shared.i18n.content import Text
from shared.store.unit_of_work import UnitOfWork

MAX_EVENTS = 5000
_NOBODY = Representatives()


def coverage_list(work: UnitOfWork) -> QuestionList:
    """``/v1/coverage``."""

    def rows(query: Query) -> Sequence[Values]:
        with work.transaction() as connection:
            return list(_rows(connection, query.get("event")))

    return QuestionList(
        name="coverage-line",
        part="coverage",
        about="Working groups invited to events, and whether a representative comes.",
        listing=Listing(
            filters=("event", "working_group", "covered", "event_kind", "event_status"),
            searched=("event_title", "group_title"),
            sorts=("starts_at", "event", "working_group", "representatives", "waiting", "last_mail_at"),
            groups=("event", "working_group", "covered", "event_kind", "event_status"),
            sums=("representatives", "waiting"),
            day="starts_at",
        ),
        shown=fields_of(
            event=ma.fields.String(),
            event_title=shown_text(200),
            event_kind=one_of_field(EventKind),
            event_status=one_of_field(EventStatus),
            starts_at=ma.fields.AwareDateTime(format="iso", allow_none=True),
            working_group=ma.fields.String(),
            group_title=shown_text(200),
            covered=ma.fields.Boolean(metadata={"description": "A representative has a seat or waits for one"}),
            representatives=ma.fields.Integer(metadata={"description": "Representatives who have a seat"}),
            waiting=ma.fields.Integer(metadata={"description": "Representatives on the waiting list"}),
            last_mail_at=ma.fields.AwareDateTime(
                format="iso", allow_none=True, metadata={"description": "Of the last bulletin to a member of the group"}
            ),
        ),
        rows=rows,
    )


def _rows(connection: Connection, event_id: str | None) -> Iterator[Values]:
    among = None if event_id is None else frozenset({event_id})
    wanted = EventFilter(audience=Audience.COORDINATORS, among=among, limit=MAX_EVENTS)
    groups = {group.id: group for group in network.all_working_groups(connection)}
    active = [group.id for group in groups.values() if group.active]
    present = roster.representatives_by_event(connection, event_id)
    last_mails = contacts.last_mails(connection)
    for event in events.select(connection, wanted):
        for group in sorted(asked_of(event.asked_groups, active)):
            title = groups[group].title if group in groups else Text.of(group)
            found = present.get(event.id, {}).get(group)
            yield _row(event, group, title, found) | {"last_mail_at": last_mails.get(group)}


def _row(event: Event, group: str, title: Text, present: Representatives | None) -> dict[str, Any]:
    coming: Mapping[str, Any] = {
        "covered": present is not None,
        "representatives": (present or _NOBODY).confirmed,
        "waiting": (present or _NOBODY).waitlisted,
    }
    return {
        "id": f"{event.id}.{group}",
        "event": event.id,
        "event_title": event.title,
        "event_kind": event.kind,
        "event_status": event.status,
        "starts_at": event.starts_at,
        "working_group": group,
        "group_title": title,
        **coming,
    }
