"""Keeps an event as it was last told, so that mails about it go out while the events service is down."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.notifications.store.events import keep_event
from shared.core.clock import Clock, rfc3339


def note_event(connection: Connection, clock: Clock, told: Mapping[str, Any]) -> None:
    """Keep the event unless the same or a newer revision is here.

    Args:
        connection: of the message's own transaction.
        clock: of the project.
        told: the checked data of the message; moments are aware datetimes.
    """
    content = {name: rfc3339(value) if isinstance(value, datetime) else value for name, value in told.items()}
    keep_event(connection, told["id"], told["revision"], content, clock())
