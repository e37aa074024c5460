"""What a change of an event means for people: found by comparing what they see now with what they were told last."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.i18n.content import Text

SHOWN = ("starts_at", "ends_at", "time_zone", "status", "mode", "place", "city", "join_url", "title")
"""What a participant sees of an event."""

SHOWN_SINCE = "shown_since"
"""Kept beside the state: the revision of the last change of it that participants see."""

STANDING = ("tentative", "confirmed")
REMOTE = ("hybrid", "online")
REMOTE_POSSIBLE = "remote-possible"
LONGEST_WAIT = timedelta(minutes=5)
"""However fast changes follow each other, nobody waits longer for the first of them."""


@dataclass(frozen=True, slots=True)
class News:
    """Attributes:
    kind: what those who attend are told.
    remote: whether those who asked for it are told that remote attendance is possible now.
    """

    kind: str
    remote: bool = False


def news_of(told: Mapping[str, Any], now: Mapping[str, Any]) -> News | None:
    """What is to be told of an event, or None if it is what people know or nothing they could act on.

    Args:
        told: the state of which people were told last.
        now: the newest state.
    """
    kind = _kind(told, now) if differs(told, now) else None
    remote = told["mode"] == "in_person" and now["mode"] in REMOTE and now["status"] in STANDING
    return News(kind, remote) if kind else None


def told_after(told: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The state that people know once ``now`` is decided on.

    Of an event that does not take place nobody hears how it could be attended, so they still know it as it was: whoever
    asked about remote attendance is told when the event stands again.
    """
    return {**now, "mode": now["mode"] if now["status"] in STANDING else told["mode"]}


def differs(told: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether a participant sees any difference."""
    return any(_shown(told, name) != _shown(now, name) for name in SHOWN)


def _shown(state: Mapping[str, Any], name: str) -> Any:
    """A field as news look at it: a title in English. A translation is added or corrected without a mail."""
    return str(Text.of(state[name])) if name == "title" else state[name]


def is_news_untrue(kind: str, now: Mapping[str, Any]) -> bool:
    """Whether news of this kind says what is no longer so; what it says in detail is written from the newest state."""
    if kind == "event-cancelled":
        return bool(now["status"] != "cancelled")
    if kind == "event-postponed":
        return now["status"] == "cancelled" or date_of(now) is not None
    if now["status"] not in STANDING:
        return True
    if kind == REMOTE_POSSIBLE:
        return now["mode"] not in REMOTE
    if kind == "event-confirmed":
        return bool(now["status"] != "confirmed")
    return kind != "event-changed" and date_of(now) is None


def date_of(state: Mapping[str, Any]) -> str | None:
    """When the event begins, as RFC 3339 text; None while it has no date."""
    return None if state["status"] == "postponed" else state["starts_at"]


def due_after(began_at: datetime, changed_at: datetime, wait: timedelta) -> datetime:
    """When changes that began then, the last of them made at ``changed_at``, are told."""
    return min(changed_at + wait, began_at + max(wait, LONGEST_WAIT))


def _kind(told: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    if now["status"] not in (*STANDING, "postponed", "cancelled"):
        return None
    if now["status"] == "cancelled":
        return "event-cancelled" if told["status"] != "cancelled" else None
    if date_of(now) is None:
        return _without_date(told, now)
    if told["status"] == "cancelled":
        return "event-revived"
    if date_of(told) is None or any(told[name] != now[name] for name in ("starts_at", "ends_at", "time_zone")):
        return "event-rescheduled"
    return "event-confirmed" if (told["status"], now["status"]) == ("tentative", "confirmed") else "event-changed"


def _without_date(told: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    if date_of(told) is not None or told["status"] == "cancelled":
        return "event-postponed"
    if now["status"] == "postponed":
        return "event-postponed" if told["status"] != "postponed" else None
    return "event-changed"
