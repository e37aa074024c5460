"""Events as the API shows them: which fields for whom, and moments in two zones."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from flask_smorest import abort

from services.events.api.event_schemas import EventSchema
from services.events.domain.event import Event
from services.events.store.events import Audience

FOR_COORDINATORS = ("join_url", "internal_note", "internal")
"""Fields that the public never sees: who has the link can disturb a meeting."""

_SCHEMA = EventSchema()
ALL = tuple(_SCHEMA.fields)
PUBLIC = tuple(name for name in ALL if name not in FOR_COORDINATORS)


def chosen_fields(asked: str | None, audience: Audience) -> Sequence[str]:
    """The fields to show: all that ``audience`` may see, or those of them that are ``asked`` for, with the id.

    An unknown field, or one that the audience may not see, ends the request with 422.
    """
    allowed = ALL if audience is Audience.COORDINATORS else PUBLIC
    if asked is None:
        return allowed
    names = set(asked.split(","))
    if unknown := sorted(names.difference(allowed)):
        abort(422, messages={"query": {"fields": [f"no such field: {', '.join(unknown)}"]}})
    return [name for name in allowed if name in names or name == "id"]


def shown(event: Event, names: Sequence[str]) -> dict[str, Any]:
    """The fields ``names`` of ``event`` as JSON has them."""
    zone = ZoneInfo(event.time_zone)
    local = {
        "starts_at_local": event.starts_at and event.starts_at.astimezone(zone),
        "ends_at_local": event.ends_at and event.ends_at.astimezone(zone),
    }
    content: dict[str, Any] = _SCHEMA.dump({name: getattr(event, name) for name in ALL if name not in local} | local)
    return {name: content[name] for name in names}
