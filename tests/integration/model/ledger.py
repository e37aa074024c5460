"""The model: what should be, in plain dicts, by the rules as the documentation tells them. It knows none of our code.

Each method is one request and returns what its sender is told: a word, or ``(code, detail)`` of a refusal.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from tests.integration.model import keeping
from tests.integration.model.rules import (
    ATTEMPTS_EVERY,
    ENDED,
    EVENTS,
    FORMS,
    GRACE,
    LIVE,
    MAIL_OF,
    STANDING,
    USE_SHOWN,
)

Answer = str | tuple[str, str]


class Ledger:
    """Attributes:
    forms: settings by slug; ``line`` is who waits, in order, ``last`` the highest number ever given in it.
    people: registrations by id.
    keys: idempotency keys that were used, with what was asked, what was answered, and when.
    events: every state an event has had, by revision. heard: the newest that the forms know of.
    mails: (kind, registration, number) of all that are owed.
    """

    def __init__(self) -> None:
        self.forms = {slug: form | {"open": True, "revision": 1, "last": 0, "line": []} for slug, form in FORMS.items()}
        self.people: dict[str, dict[str, Any]] = {}
        self.keys: dict[tuple[str, str], tuple[str, str, datetime]] = {}
        self.events: dict[str, dict[int, tuple[str, datetime | None, datetime]]] = {
            name: {2: ("tentative", starts_at, starts_at)} for name, starts_at in EVENTS.items()
        }
        self.heard = dict.fromkeys(EVENTS, 2)
        self.mails: set[tuple[str, str, int]] = set()

    def register(self, wish: dict[str, Any], now: datetime) -> Answer:
        """``wish``: form, who, key or None, the id and the answers by status that a new registration would have."""
        slug, who, key = wish["form"], wish["who"], (wish["form"], wish["key"])
        if wish["key"] and key in self.keys:
            asked, answer, _ = self.keys[key]
            return answer if asked == who else ("idempotency-mismatch", "")
        if reason := self.closed(slug, now):
            return "form-closed", reason
        status = self.next_status(slug, now)
        if status == "full":
            return "form-closed", "full"
        told = "unverified" if self.forms[slug]["hold"] else status
        same = (r for r in self.of(slug) if r["who"] == who and not r["erased"])
        known = next((r for r in same if r["status"] not in ENDED), None)
        if known is not None and self.is_overdue(known, now):
            self._expire(known, now)
            known = None
        if known is not None:
            self._attempt(known, now)
        else:
            self._accept(wish, told, holds=status == "confirmed", now=now)
        if wish["key"]:
            self.keys[key] = (who, wish["bodies"][told], now)
        return str(wish["bodies"][told])

    def verify(self, identity: str, now: datetime) -> Answer:
        """A click on the button of the first mail."""
        who = self.people[identity]
        if who["erased"]:
            return "not-found", ""
        if who["status"] in LIVE and who["verified_at"] is not None and now < who["verified_at"] + USE_SHOWN:
            return str(who["status"])
        if who["status"] != "unverified" or self.is_overdue(who, now):
            return "not-found", ""
        event, holds, reason = self.event_reason(who["form"], now), self.holds(who, now), self.closed(who["form"], now)
        if event in ("held", "cancelled") or (reason and not holds):
            return "form-closed", event if event in ("held", "cancelled") else reason
        before, who["hold_until"] = who["hold_until"], None
        free = self.free(who["form"], now)
        status = "confirmed" if holds and (free is None or free) else self.next_status(who["form"], now)
        if status == "full":
            who["hold_until"] = before
            return "form-closed", "full"
        who |= {"status": status, "revision": who["revision"] + 1, "expires_at": None, "verified_at": now}
        self._place(who)
        self._owe(MAIL_OF[status], who)
        return status

    def cancel(self, identity: str, now: datetime) -> Answer:
        """A click on the button in any later mail."""
        who = self.people[identity]
        if who["erased"] or (who["verify"] and who["verified_at"] is None) or self.has_ended(who, now):
            return "not-found", ""
        if who["status"] in LIVE and not self.is_over(who["form"], now):
            self._cancel(who, now)
        return str(who["status"])

    def erase_by_link(self, identity: str, now: datetime) -> Answer:
        """They ask for it themselves: behind their own link once that opens, before that behind the first one."""
        who = self.people[identity]
        waits = who["verify"] and who["verified_at"] is None
        if self.is_overdue(who, now) or who["status"] != "unverified" if waits else self.has_ended(who, now):
            return "not-found", ""
        return self.erase(identity, now)

    def erase(self, identity: str, now: datetime) -> Answer:
        """Somebody is to be forgotten; whoever came to an event that has begun stays counted."""
        who = self.people[identity]
        if who["erased"]:
            return "not-found", ""
        form, before, held = who["form"], who["status"], self.holds(who, now)
        came = before == "confirmed" and self.is_over(form, now) and self.event(form)[0] in STANDING
        after = {"unverified": "expired", "confirmed": "confirmed" if came else "cancelled", "waitlisted": "cancelled"}
        who |= {"status": after.get(before, before), "revision": who["revision"] + 1, "erased": True}
        who |= {"hold_until": None, "expires_at": None}
        if who["id"] in self.forms[form]["line"]:
            self.forms[form]["line"].remove(who["id"])
        if held or (before in LIVE and not came):
            self._promote(form, now)
        return "erased"

    def decide(self, identity: str, seen: int, status: str, now: datetime) -> Answer:
        """A coordinator, who has seen revision ``seen``, gives a seat or takes a place back."""
        who = self.people[identity]
        if who["erased"]:
            return "not-found", ""
        if seen != who["revision"]:
            return "changed-meanwhile", ""
        if status == "cancelled" and who["status"] not in LIVE:
            return "no-place", ""
        if status == "confirmed" and who["status"] != "waitlisted":
            return "not-waiting", ""
        if self.is_over(who["form"], now):
            return "event-over", ""
        if status == "cancelled":
            self._cancel(who, now)
            return "cancelled"
        if self.event(who["form"])[0] not in STANDING:
            return "not-taking-place", ""
        if self.free(who["form"], now) == 0:
            return "no-free-seat", ""
        self._promote_one(who)
        return "confirmed"

    def set_form(self, slug: str, seen: int, capacity: int | None, is_open: bool, now: datetime) -> Answer:
        """A coordinator, who has seen revision ``seen``, sets seats and switch."""
        form = self.forms[slug]
        if seen != form["revision"]:
            return "changed-meanwhile", ""
        before, after = (form["capacity"], form["open"]), (capacity, is_open)
        if before != after:
            form |= {"capacity": capacity, "open": is_open, "revision": form["revision"] + 1}
        if before[0] != capacity:
            self._promote(slug, now)
        return str(form["revision"])

    def move_event(self, name: str, step: str, starts_at: datetime) -> Answer:
        """A coordinator moves, postpones, cancels or revives an event; the forms have not heard of it yet."""
        revision, (status, begins_at, last_at) = max(self.events[name].items())
        if status not in {"revive": ("cancelled",), "cancel": (*STANDING, "postponed")}.get(
            step, STANDING if step == "postpone" else (*STANDING, "postponed")
        ):
            return "event-transition", ""
        new: dict[str, tuple[str, datetime | None, datetime]] = {
            "reschedule": ("tentative" if status == "postponed" else status, starts_at, starts_at),
            "postpone": ("postponed", None, last_at),
            "cancel": ("cancelled", last_at, last_at),
            "revive": ("tentative", last_at, last_at),
        }
        if new[step] != (status, begins_at, last_at):
            self.events[name][revision + 1] = new[step]
        return str(max(self.events[name]))

    def hear(self, name: str, revision: int) -> None:
        """The registration service has been told of an event."""
        self.heard[name] = max(self.heard[name], revision)

    def keep_house(self, now: datetime) -> None:
        """What is done every few seconds: seats are given, what was never confirmed is given up, keys are forgotten.

        Whoever was kept long enough is forgotten as well.
        """
        for slug in self.forms:
            self._promote(slug, now)
        for who in self.people.values():
            if who["status"] == "unverified" and self.is_overdue(who, now):
                self._expire(who, now)
        self.keys = {key: used for key, used in self.keys.items() if used[2] >= now - timedelta(hours=48)}
        for slug in self.forms:
            keeping.announce(self.of(slug), self.event(slug)[1], now)
        for identity in [one for slug in self.forms for one in keeping.due(self.of(slug), self.event(slug)[1], now)]:
            self.erase(identity, now)

    def confirm_retention(self, slug: str, now: datetime) -> int:
        """An operator lets go who waits on a form because nothing announced them; returns how many."""
        return keeping.confirm(self.of(slug), self.event(slug)[1], now)

    def of(self, slug: str) -> Iterator[dict[str, Any]]:
        """Everybody who ever registered on a form."""
        return (who for who in self.people.values() if who["form"] == slug)

    def event(self, slug: str) -> tuple[str, datetime | None, datetime]:
        """Status and start of a form's event as the form knows it."""
        name = self.forms[slug]["event"]
        return self.events[name][self.heard[name]]

    def event_reason(self, slug: str, now: datetime) -> str:
        """Why the event takes nobody; empty if it does."""
        status, _, _ = self.event(slug)
        return status if status not in STANDING else "held" if self.is_over(slug, now) else ""

    def closed(self, slug: str, now: datetime) -> str:
        """Why the form takes nobody; empty if it does."""
        return self.event_reason(slug, now) if self.forms[slug]["open"] else "closed"

    def is_over(self, slug: str, now: datetime) -> bool:
        """Whether the event has begun."""
        begins_at = self.event(slug)[1]
        return begins_at is not None and begins_at <= now

    def holds(self, who: dict[str, Any], now: datetime) -> bool:
        """Whether a seat is kept for somebody: up to the moment, and not at it."""
        return who["hold_until"] is not None and now < who["hold_until"]

    def is_overdue(self, who: dict[str, Any], now: datetime) -> bool:
        """Whether it is too late to confirm: from the moment on."""
        return who["expires_at"] is not None and who["expires_at"] <= now

    def has_ended(self, who: dict[str, Any], now: datetime) -> bool:
        """Whether somebody's own link opens nothing any more, though they are not forgotten yet."""
        return keeping.link_has_ended(self.event(who["form"])[1], now)

    def confirmed(self, slug: str) -> int:
        """Seats taken."""
        return sum(who["status"] == "confirmed" for who in self.of(slug))

    def free(self, slug: str, now: datetime) -> int | None:
        """Seats that can be given; None without a limit."""
        capacity = self.forms[slug]["capacity"]
        held = sum(self.holds(who, now) for who in self.of(slug))
        return None if capacity is None else max(0, capacity - self.confirmed(slug) - held)

    def next_status(self, slug: str, now: datetime) -> str:
        """What a newcomer gets: those who wait go first."""
        free, form = self.free(slug, now), self.forms[slug]
        if free is None or (free and not form["line"]):
            return "confirmed"
        return "waitlisted" if form["list"] else "full"

    def _accept(self, wish: dict[str, Any], status: str, *, holds: bool, now: datetime) -> None:
        hold = self.forms[wish["form"]]["hold"]
        who = {"id": wish["id"], "form": wish["form"], "who": wish["who"], "status": status, "revision": 1}
        who |= {"position": None, "attempts": 0, "accepted_at": now, "attempted_at": None, "verified_at": None}
        who |= {"erased": False, "ended_at": None, "announced_at": None, "confirmed": False}
        who |= {name: wish[name] for name in ("own", "verify")}
        who |= {
            "hold_until": now + hold if hold and holds else None,
            "expires_at": now + hold + GRACE if hold else None,
        }
        self.people[wish["id"]] = who
        self._place(who)
        self._owe(MAIL_OF[status], who)

    def _attempt(self, who: dict[str, Any], now: datetime) -> None:
        """The owner of the address is told, once a day at most; the first request to confirm it counts."""
        asked = who["accepted_at"] if who["status"] == "unverified" else None
        last = who["attempted_at"] or asked
        if last is None or now >= last + ATTEMPTS_EVERY:
            who |= {"attempts": who["attempts"] + 1, "attempted_at": now}
            kind = "verification-again" if who["status"] == "unverified" else "attempt-repeated"
            self.mails.add((kind, who["id"], who["attempts"]))

    def _place(self, who: dict[str, Any]) -> None:
        form = self.forms[who["form"]]
        if who["status"] == "waitlisted":
            form["last"] += 1
            who["position"] = form["last"]
            form["line"].append(who["id"])

    def _cancel(self, who: dict[str, Any], now: datetime) -> None:
        line = self.forms[who["form"]]["line"]
        if who["id"] in line:
            line.remove(who["id"])
        who |= {"status": "cancelled", "revision": who["revision"] + 1, "ended_at": now}
        self._owe("cancelled-by-you", who)
        self._promote(who["form"], now)

    def _expire(self, who: dict[str, Any], now: datetime) -> None:
        who |= {"status": "expired", "revision": who["revision"] + 1, "hold_until": None, "expires_at": None}
        who["ended_at"] = now

    def _promote(self, slug: str, now: datetime) -> None:
        """Free seats go to those who wait, in order, up to the notice time before the start."""
        form, (status, begins_at, _) = self.forms[slug], self.event(slug)
        if status not in STANDING or (begins_at is not None and now > begins_at - form["notice"]):
            return
        while form["line"] and self.free(slug, now) != 0:
            self._promote_one(self.people[form["line"][0]])

    def _promote_one(self, who: dict[str, Any]) -> None:
        self.forms[who["form"]]["line"].remove(who["id"])
        who |= {"status": "confirmed", "revision": who["revision"] + 1}
        self._owe("promotion", who)

    def _owe(self, kind: str, who: dict[str, Any]) -> None:
        self.mails.add((kind, who["id"], who["revision"]))
