"""Retention in the model: how long people are kept and how long their links work, as documented."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from tests.integration.model.rules import (
    CANDIDATE_AFTER_MAIL,
    CANDIDATE_AT_MOST,
    CONFIRMABLE,
    HOUR,
    LIVE,
    MAILBOX_QUIET,
    NETWORK_KEPT,
    RECEIPT_KEPT,
)

KEPT = timedelta(days=90)
LASTS = timedelta(hours=2)
"""Every event of the model."""

PROOF_KEPT = timedelta(minutes=20)
"""How long it is known that a proof of work was used."""

ANNOUNCED_AHEAD, NOTICE = timedelta(hours=72), timedelta(hours=24)
"""When it is announced that someone goes, and how long at least that is before they do."""

MAX_AT_ONCE = 100
"""People of one form who are erased in one tick."""


def last_day(begins_at: datetime | None) -> datetime | None:
    """The end of a form's event; None while it has no date."""
    return None if begins_at is None else begins_at + LASTS


def link_has_ended(begins_at: datetime | None, now: datetime) -> bool:
    """Whether a person's own link opens nothing any more: from the time on at which their data may be erased."""
    last = last_day(begins_at)
    return last is not None and now >= last + KEPT


def announce(people: Iterable[dict[str, Any]], begins_at: datetime | None, now: datetime) -> None:
    """Announce who will be due on a form in the coming days; who is due already and was not announced waits."""
    for who in people:
        is_due, is_soon = (is_over(who, begins_at, at) for at in (now, now + ANNOUNCED_AHEAD))
        if not is_soon:
            who |= {"announced_at": None, "confirmed": False}
        elif not is_due and (who["announced_at"] is None or who["announced_at"] > now):
            who["announced_at"] = now


def confirm(people: Iterable[dict[str, Any]], begins_at: datetime | None, now: datetime) -> int:
    """An operator lets go who is due and waits; returns how many."""
    waiting = [who for who in people if is_over(who, begins_at, now) and who["announced_at"] is None]
    for who in waiting:
        who |= {"announced_at": now, "confirmed": True}
    return len(waiting)


def due(people: Iterable[dict[str, Any]], begins_at: datetime | None, now: datetime) -> list[int]:
    """Numbers of those on a form who go: they were announced a day ago, or an operator has confirmed it."""
    over = [who for who in people if is_over(who, begins_at, now) and who["announced_at"] is not None]
    return sorted(who["number"] for who in over if who["confirmed"] or now - NOTICE >= who["announced_at"])[
        :MAX_AT_ONCE
    ]


def is_over(who: dict[str, Any], begins_at: datetime | None, at: datetime) -> bool:
    """Whether someone has been kept long enough: longer than the time since their last day.

    That is the event's, or the one on which they gave their place up; no one goes who has just come.
    """
    if who["erased"] or at <= who["accepted_at"] + KEPT:
        return False
    return any(day and at > day + KEPT for day in (last_day(begins_at), who["ended_at"]))


def transition_times(people: Iterable[dict[str, Any]], begins_at: datetime | None) -> set[datetime]:
    """When someone on a form becomes due, or a link ends."""
    last = last_day(begins_at)
    days = {
        at for who in people if not who["erased"] for at in (who["ended_at"], last and max(last, who["accepted_at"]))
    }
    return {at + KEPT - before for at in {last, *days} if at for before in (timedelta(), NOTICE, ANNOUNCED_AHEAD)}


def clean_up(model: Any, now: datetime) -> None:
    """What the intake deletes by itself: receipts, candidates, client networks, links, what waits, mailboxes."""
    forgotten = {
        number
        for number, one in model.states.items()
        if one["state"] == "decided" and one["received_at"] < now - RECEIPT_KEPT
    }
    model.states = {number: one for number, one in model.states.items() if number not in forgotten}
    model.keys = {key: used for key, used in model.keys.items() if used[1] not in forgotten}
    model.candidates = {number: one for number, one in model.candidates.items() if not _is_late(one, now)}
    for one in [*model.candidates.values(), *model.queue.values()]:
        if one["received_at"] < now - NETWORK_KEPT:
            one["network"] = None
    model.used = {challenge: used_at for challenge, used_at in model.used.items() if used_at >= now - PROOF_KEPT}
    model.links = {link: one for link, one in model.links.items() if one["expires_at"] >= now}
    pending = {one["who"] for one in model.candidates.values()}
    live = {one["who"] for one in model.people.values() if one["status"] in LIVE and not one["erased"]}
    model.waiting = {
        who: since
        for who, since in model.waiting.items()
        if who in pending or since >= now - (CANDIDATE_AT_MOST if who in live else HOUR)
    }
    known = pending | {one["who"] for one in model.people.values() if not one["erased"]} | set(model.waiting)
    model.boxes = {
        who: box
        for who, box in model.boxes.items()
        if who in known or (box["last_at"] or box["next_at"]) >= now - MAILBOX_QUIET
    }


def clean_up_times(model: Any) -> set[datetime]:
    """When something of it is due."""
    found = {one["received_at"] + RECEIPT_KEPT for one in model.states.values()}
    found |= {one["received_at"] + CANDIDATE_AT_MOST for one in model.candidates.values()}
    found |= {one["mailed_at"] + CANDIDATE_AFTER_MAIL for one in model.candidates.values() if one["mailed_at"]}
    found |= {one["mailed_at"] + CONFIRMABLE for one in model.candidates.values() if one["mailed_at"]}
    found |= {one["expires_at"] for one in model.links.values()}
    found |= {model.boxes[model.people[number]["who"]]["next_at"] for number in model.postponed}
    return found | {model.boxes[who]["next_at"] for who in model.waiting}


def _is_late(candidate: dict[str, Any], now: datetime) -> bool:
    mailed_at = candidate["mailed_at"]
    after_mail = mailed_at is not None and mailed_at < now - CANDIDATE_AFTER_MAIL
    return bool(after_mail or candidate["received_at"] < now - CANDIDATE_AT_MOST)
