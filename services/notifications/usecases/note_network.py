"""Stores working groups, forms, partners and resources as last published; announces the recording of an event."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from services.notifications.store.announcements import NewAnnouncement, add_announcement
from services.notifications.store.events import keep_copy
from services.notifications.usecases.note_event import plain
from shared.core.clock import Clock
from shared.core.ids import new_id

FIRST = 1
"""The number of an event's only announcement of a recording: another language or a better cut is not announced."""


def note_working_group(connection: Connection, clock: Clock, told: Mapping[str, Any]) -> None:
    """Keep a group unless the same or a newer revision is here.

    Args:
        connection: of the message's own transaction.
        clock: of the project.
        told: the checked data of the message.
    """
    keep_copy(connection, "working_group_copy", told["id"], told["revision"], plain(told), clock())


def note_form(connection: Connection, clock: Clock, told: Mapping[str, Any]) -> None:
    """Store what mails need of a form unless the same or a newer revision is here. Args as above."""
    content = {"alarm_minutes": told["alarm_minutes"]}
    keep_copy(connection, "form_copy", told["id"], told["revision"], content, clock())


def note_partner(connection: Connection, clock: Clock, told: Mapping[str, Any]) -> None:
    """Store the name of a partner unless the same or a newer revision is here. Args as above."""
    keep_copy(connection, "partner_copy", told["slug"], told["revision"], {"name": told["name"]}, clock())


def note_resource(connection: Connection, clock: Clock, told: Mapping[str, Any], correlation_id: str) -> None:
    """Keep a resource, and announce the first recording of an event to those who had a seat.

    Slides and briefs, and what belongs to a series or a city only, are found on the public pages: no mail.

    Args:
        connection: of the message's own transaction.
        clock: of the project.
        told: the checked data of the message.
        correlation_id: of the message.
    """
    now = clock()
    keep_copy(connection, "resource_copy", told["id"], told["revision"], plain(told), now)
    if told["kind"] != "recording" or told["event"] is None:
        return
    detail = {"url": told["url"], "title": told["title"].as_mapping}
    announcement = NewAnnouncement(new_id(), "recording", told["event"], FIRST, detail, now, now, correlation_id)
    add_announcement(connection, announcement)
