"""The model: what should be, in plain dicts, by the rules of the documentation. It uses none of our code.

Each method is one request and returns what its sender gets: a word, or ``(code, detail)`` of a refusal. Submissions and
commands wait in ``queue`` until :meth:`decide`; their numbers are those of the database.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from tests.integration.model import retention
from tests.integration.model.retention import LASTS
from tests.integration.model.rules import (
    ANSWER_WAITS,
    ASKED_APART,
    BATCHES,
    CANDIDATES,
    CANDIDATES_OF_A_NETWORK,
    CONFIRMABLE,
    DIFFERENCE,
    EVENTS,
    FORMS,
    HELD_BACK,
    LINK_KEPT,
    LIVE,
    LIVE_LINKS,
    MAIL_OF,
    MIN_TO_ACT,
    NOTICE,
    OFFER_LASTS,
    PROMOTED_HELD,
    SEAT_FREE_BEFORE,
    SEAT_HELD,
    SEEN,
    SPACING,
    TAKING_PLACE,
)

NO_OFFER: dict[str, Any] = {"offer": None, "passed": False}
Answer = str | tuple[str, str]
Entry = dict[str, Any]


class ReferenceModel:
    """Attributes:
    forms: settings by slug; ``last`` is the highest number ever given in line, ``changes`` their history.
    queue: what waits for the decider, by number, with its attempts. tried: numbers of a batch that was broken off.
    states: of everything that was ever stored and is kept: ``received``, ``decided`` or ``parked``, by number;
        ``outcome``: of an erasure.
    keys: idempotency keys that were used, with what was sent and under which number.
    candidates: by number. people: registrations by the number of their submission; ``place``: in line, as last
        announced; ``links``: how many managing links they were mailed, of which the first ``dead`` have ended.
    notified: whose changes the current batch publishes.
    boxes: mailboxes by person: how often and when they may be written to. waiting: since when something waits there.
    spaced: mailboxes that may not be written to yet, when the current part of a batch began or since. mailed: those to
        which the part causes a mail at once.
    postponed: since when the first mail of a registration without verification waits for the spacing, by number.
    links: confirmation links by id.
    erased: by person and form (empty: all), the number up to which what was received is dropped.
    events: every state an event has had, by revision. consumed: the newest that the forms have.
    mails: (kind, number, revision) of all that are owed about registrations.
    """

    def __init__(self) -> None:
        own = {"open": True, "revision": 1, "last": 0, "changes": {}}
        self.forms: dict[str, Entry] = {slug: form | own | {"changes": {}} for slug, form in FORMS.items()}
        self.queue: dict[int, Entry] = {}
        self.tried: list[int] = []
        self.states: dict[int, Entry] = {}
        self.keys: dict[tuple[str, str], tuple[Any, int]] = {}
        self.candidates: dict[int, Entry] = {}
        self.people: dict[int, Entry] = {}
        self.notified: set[int] = set()
        self.boxes: dict[str, Entry] = {}
        self.waiting: dict[str, datetime] = {}
        self.spaced: set[str] = set()
        self.mailed: set[str] = set()
        self.postponed: dict[int, datetime] = {}
        self.links: dict[str, Entry] = {}
        self.erased: dict[tuple[str, str], int] = {}
        self.used: dict[bytes, datetime] = {}
        self.events: dict[str, dict[int, tuple[str, datetime | None, datetime]]] = {
            name: {2: ("tentative", starts_at, starts_at)} for name, starts_at in EVENTS.items()
        }
        self.consumed = dict.fromkeys(EVENTS, 2)
        self.mails: set[tuple[str, int, int]] = set()

    # requests

    def submit(self, request: Entry, number: int, now: datetime) -> Answer:
        """``request``: form, who, name, key, challenge (or None), network. ``number``: that a stored one would have."""
        slug, key = request["form"], (request["form"], request["key"])
        content, used = (request["who"], request["name"]), self.keys.get(key) if request["key"] else None
        if used is not None and used[0] == content:
            return "received"
        if reason := self.closed(slug, self.forms[slug]["open"], now) or self._full(slug):
            return "form-closed", reason
        if used is not None:
            return "idempotency-mismatch", ""
        if request["key"]:
            self.keys[key] = (content, number)
        self._store(number, request | {"kind": "submission", "revision": self.forms[slug]["revision"]}, now)
        return "received"

    def choose(self, link: str, number: int, choices: Sequence[tuple[int, str, int | None]], now: datetime) -> Answer:
        """The owner of an address sends choices: (candidate, act, registration that it replaces)."""
        if not self.opens(link, now):
            return "not-found", ""
        self._store(number, {"kind": "confirm", "link": link, "choices": list(choices)}, now)
        return "received"

    def act(self, kind: str, person: int, number: int, now: datetime) -> Answer:
        """Someone presses ``cancel``, ``erase``, ``accept-seat`` or ``decline-seat`` on their own page."""
        who = self.people[person]
        if who["erased"] or self.has_ended(who, now):
            return "not-found", ""
        self._store(number, {"kind": kind, "person": person, "seen": who["revision"], "by": who["links"]}, now)
        return "received"

    def enter(self, slug: str, who: str, name: str, number: int, now: datetime) -> Answer:
        """A coordinator enters someone manually."""
        self._store(number, {"kind": "desk-enter", "form": slug, "who": who, "name": name}, now)
        return "received"

    def correct(self, person: int, name: str, number: int, now: datetime) -> Answer:
        """A coordinator corrects the name of a registration, as they have just seen it."""
        seen = self.people[person]["revision"]
        self._store(number, {"kind": "desk-correct", "person": person, "seen": seen, "name": name}, now)
        return "received"

    def merge(self, kept: int, other: int, number: int, now: datetime) -> Answer:
        """A coordinator makes one of two registrations, as they have just seen them; the answers of one stay."""
        seen = [self.people[one]["revision"] for one in (kept, other)]
        self._store(number, {"kind": "desk-merge", "both": (kept, other), "seen": seen}, now)
        return "received"

    def spoil(self, number: int) -> None:
        """The body of something that waits can no longer be read."""
        self.queue[number]["spoilt"] = True

    def replay(self) -> int:
        """An operator lets everything parked be tried again; returns how many."""
        parked = [number for number, state in self.states.items() if state["state"] == "parked"]
        for number in parked:
            self.states[number]["state"] = "received"
            self.queue[number]["attempts"] = 0
        return len(parked)

    # the decider

    def decide(self, now: datetime, crashes: str = "") -> list[str]:
        """One batch, then the mails that are due; returns to whom. ``crashes``: the point at which the process ends."""
        for number in [one for one in self.tried if self._waits(one)]:
            self.queue[number]["attempts"] += 1
        for number in [one for one in self.queue if self._waits(one) and self.queue[one]["attempts"] >= len(BATCHES)]:
            self.states[number]["state"] = "parked"
        batch = self._batch()
        self.tried = batch
        if batch and crashes in ("decide.claimed", "decide.decided"):
            return []
        self._decide_batch(batch, now)
        self.tried = []
        return [] if batch and crashes == "decide.committed" else self._mail(now)

    def _batch(self) -> list[int]:
        waiting = sorted(number for number in self.queue if self._waits(number))
        if not waiting:
            return []
        size = BATCHES[min(self.queue[waiting[0]]["attempts"], len(BATCHES) - 1)]
        kinds = [self.queue[number]["kind"] for number in waiting[:size]]
        alone = kinds.index("erase") if "erase" in kinds else size
        return waiting[: max(1, min(alone, size))]

    def _decide_batch(self, batch: Iterable[int], now: datetime) -> None:
        """In parts: each command of a coordinator is separate, and sees what those before it have done."""
        readable = []
        for number in batch:
            item = self.queue[number]
            if item.get("spoilt") and item["kind"] != "erase":  # which needs no body
                self.states[number]["state"] = "parked"
            else:
                readable.append(number)
        for by_desk, some in groupby(readable, key=lambda number: self.queue[number]["kind"].startswith("desk-")):
            part = list(some)
            for numbers in [[one] for one in part] if by_desk else [part]:
                self._decide_part(numbers, now)

    def _decide_part(self, part: Iterable[int], now: datetime) -> None:
        freed: set[str] = set()
        self.spaced = {who for who, box in self.boxes.items() if box["next_at"] > now}
        self.mailed = set()
        for number in part:
            item = self.queue[number]
            if item["kind"] == "submission":
                self._decide_submission(number, item, now)
            elif item["kind"] == "confirm":
                self._decide_choices(number, item, now)
            elif item["kind"] == "cancel":
                self._decide_cancelling(item, now, freed)
            elif item["kind"] in ("accept-seat", "decline-seat"):
                self._decide_answer(item, now, freed)
            elif item["kind"].startswith("desk-"):
                self._decide_of_desk(number, item, now, freed)
            else:
                self.states[number]["outcome"] = [self._decide_erasure(number, item, now)]
            self.states[number]["state"] = "decided"
            del self.queue[number]
        for name in self.mailed:  # after the acts of the same part: a mail that it causes is spaced in any case
            self._space(self.boxes[name], now)
        for who in self.people.values():
            if who["number"] in self.notified and who["status"] == "waitlisted":
                who["place"] = self.line(who["form"]).index(who) + 1
        self.notified.clear()
        for slug in sorted(freed):
            self._promote(slug, now)

    def _decide_submission(self, number: int, item: Entry, now: datetime) -> None:
        slug, who = item["form"], item["who"]
        form, proven = self.forms[slug], self._use_proof(item["challenge"], now)
        if self.closed(slug, self._open_at(slug, item["revision"], now), item["received_at"]):
            return
        if form["verify"] == "none" and proven:
            status = self.next_status(slug)
            live = self.live(slug, who)
            if status == "full" or self._is_erased(number, item):
                return
            if len(live) < form["people"] and item["name"] not in [one["name"] for one in live]:
                self.boxes.setdefault(item["who"], {"step": 0, "next_at": now, "last_at": None})
                mailed = item["who"] not in self.spaced
                self._register(number, item, status, now, mailed=mailed)
                self.people[number]["lapses_at"] = self._lapses_at(slug, now)
                if mailed:
                    self.spaced.add(item["who"])
                    self.mailed.add(item["who"])
                else:
                    self.postponed[number] = now
                return
        if not self._is_erased(number, item):
            self._add_candidate(number, item, now)

    def _use_proof(self, challenge: bytes | None, now: datetime) -> bool:
        """Whether the proof of work is there and used by no one before; one that could not be read has used none."""
        if challenge is None or challenge in self.used:
            return False
        self.used[challenge] = now
        return True

    def _is_erased(self, number: int, item: Entry) -> bool:
        """Whether its address was erased on its form, or everywhere, after it was received."""
        return any(number <= self.erased.get((item["who"], form), 0) for form in ("", item["form"]))

    def _add_candidate(self, number: int, item: Entry, now: datetime) -> None:
        slug, who, network = item["form"], item["who"], item["network"]
        pending = [one for one in self.candidates.values() if (one["form"], one["who"]) == (slug, who)]
        same = any(one["name"] == item["name"] for one in pending)
        if not same and item["name"] not in [one["name"] for one in self.live(slug, who)]:
            of_network = sum(network is not None and one["network"] == network for one in pending)
            if len(pending) < CANDIDATES and of_network < CANDIDATES_OF_A_NETWORK:
                names = ("form", "who", "name", "network", "received_at")
                self.candidates[number] = {name: item[name] for name in names} | {"mailed_at": None}
        self.boxes.setdefault(who, {"step": 0, "next_at": now, "last_at": None})
        self.waiting.setdefault(who, now)

    def _decide_choices(self, number: int, item: Entry, now: datetime) -> None:
        link = self.links.get(item["link"])
        if link is None or link["expires_at"] <= item["received_at"]:
            return
        who = link["who"]
        box = self.boxes.setdefault(who, {"last_at": None})
        box |= {"step": 0, "next_at": now}
        for one in [one for one in self.people.values() if one["who"] == who]:
            one["lapses_at"] = None
        for chosen, act, replaced in item["choices"]:
            candidate = self.candidates.get(chosen)
            if candidate is not None and candidate["who"] == who and self._act(chosen, candidate, act, replaced, now):
                del self.candidates[chosen]
        if not any(one["who"] == who for one in self.candidates.values()):
            self.waiting.pop(who, None)

    def _act(self, number: int, candidate: Entry, act: str, replaced: int | None, now: datetime) -> bool:
        """Whether the candidate is done with: one that found no place stays."""
        slug, who, name = candidate["form"], candidate["who"], candidate["name"]
        if act in ("refuse", "keep") or not self._can_confirm(candidate, now):
            return True
        same = next((one for one in self.live(slug, who) if one["name"] == name), None)
        if act == "replace":
            named = self.people.get(replaced or 0)
            if named in self.live(slug, who):
                self._change(same or named, name)
            return True
        if same is not None:
            self._change(same, name)
            return True
        status = self.next_status(slug)
        if len(self.live(slug, who)) >= self.forms[slug]["people"] or status == "full":
            return False
        self._register(number, candidate, status, now)
        return True

    def _can_confirm(self, candidate: Entry, now: datetime) -> bool:
        slug, mailed_at = candidate["form"], candidate["mailed_at"]
        if self.event_reason(slug, now):
            return False
        return self.forms[slug]["open"] or mailed_at is None or now <= mailed_at + CONFIRMABLE

    def _decide_cancelling(self, item: Entry, now: datetime, freed: set[str]) -> None:
        who = self.people[item["person"]]
        self._keep_by_link(item)
        gone = not self._is_by_link(item) or who["status"] not in LIVE or item["seen"] != who["revision"]
        if not gone and not self.is_over(who["form"], now):
            self._acts(who, now)
            self._cancel(who, now)
            freed.add(who["form"])

    def _acts(self, who: Entry, now: datetime) -> None:
        """The owner uses a managing link: the spacing starts again."""
        if who["who"] in self.boxes:
            self.boxes[who["who"]] |= {"step": 0, "next_at": now}

    def _decide_answer(self, item: Entry, now: datetime, freed: set[str]) -> None:
        """Someone accepts or declines the seat that is held for them."""
        who = self.people[item["person"]]
        self._keep_by_link(item)
        if not self._is_by_link(item) or who["offer"] is None or who["offer"] <= item["received_at"]:
            return
        if item["kind"] == "decline-seat":
            self._acts(who, now)
            self._end_offer(who, passed=True)
            freed.add(who["form"])
        elif not self.is_over(who["form"], item["received_at"]) and self.event(who["form"])[0] in TAKING_PLACE:
            self._acts(who, now)
            self._promote_one(who)

    def _has_expired(self, who: Entry, now: datetime) -> bool:
        """Whether an offer is over; one that was answered in time waits a while for the decider."""
        until = who["offer"]
        if until is None or until > now:
            return False
        answers = [
            one
            for one in self.queue.values()
            if one["kind"] in ("accept-seat", "decline-seat") and one["person"] == who["number"]
        ]
        in_time = any(one["received_at"] < until and self._is_by_link(one) for one in answers)
        return not in_time or until <= now - ANSWER_WAITS

    def _has_lapsed(self, who: Entry, now: datetime) -> bool:
        """Whether no one has acted in time; an act that was received in time waits a while for the decider."""
        at = who["lapses_at"]
        if at is None or at > now:
            return False
        acts = [one for one in self.queue.values() if one["received_at"] < at and self._is_act_of(one, who)]
        return not acts or at <= now - ANSWER_WAITS

    def _is_act_of(self, item: Entry, who: Entry) -> bool:
        if item["kind"] == "confirm":
            return item["link"] in self.links and self.links[item["link"]]["who"] == who["who"]
        return item.get("by") is not None and item["person"] == who["number"] and self._is_by_link(item)

    def _keep_by_link(self, item: Entry) -> None:
        """Whoever uses their own link exists, whatever becomes of what they want."""
        if self._is_by_link(item):
            self.people[item["person"]]["lapses_at"] = None

    def _lapses_at(self, slug: str, now: datetime) -> datetime | None:
        """When a registration lapses that is made now without a proof that its owner exists."""
        begins_at = self.event(slug)[1]
        at = now + SEAT_HELD if begins_at is None else min(now + SEAT_HELD, begins_at - SEAT_FREE_BEFORE)
        return at if at >= now + MIN_TO_ACT else None

    def _hold_longer(self, who: Entry, now: datetime) -> None:
        """Who gets a seat from the waiting list has two days from then, and as long as it is offered."""
        before, begins_at = who["lapses_at"], self.event(who["form"])[1]
        if before is not None:
            at = max(before, now + PROMOTED_HELD, who["offer"] or now)
            too_late = begins_at is not None and at > begins_at - SEAT_FREE_BEFORE
            who["lapses_at"] = None if at > before and too_late else at

    def _end_offer(self, who: Entry, *, passed: bool) -> None:
        who |= {"offer": None, "passed": passed, "revision": who["revision"] + 1}
        self._owe("offer-ended", who)

    def _decide_of_desk(self, number: int, item: Entry, now: datetime, freed: set[str]) -> None:
        """Coordinators' commands: by the rules of forms, but for the owner's confirmation."""
        if item["kind"] == "desk-enter":
            self._decide_entry(number, item, now)
        elif item["kind"] == "desk-merge":
            kept, other = (self.people[one] for one in item["both"])
            if self._are_seen((kept, other), item["seen"]) and kept is not other and kept["form"] == other["form"]:
                self._decide_merging(kept, other, now, freed)
        else:
            who = self.people[item["person"]]
            namesakes = [one for one in self.live(who["form"], who["who"]) if one["name"] == item["name"]]
            if self._are_seen([who], [item["seen"]]):
                if not namesakes:
                    self._change(who, item["name"])
                elif who in namesakes:  # nothing changes, but a coordinator knows them
                    who["lapses_at"] = None

    def _are_seen(self, some: Sequence[Entry], seen: Sequence[int]) -> bool:
        live = all(one["status"] in LIVE and not one["erased"] for one in some)
        return live and [one["revision"] for one in some] == list(seen)

    def _decide_entry(self, number: int, item: Entry, now: datetime) -> None:
        slug, live, status = item["form"], self.live(item["form"], item["who"]), self.next_status(item["form"])
        if self.event_reason(slug, item["received_at"]) or self._is_erased(number, item):
            return
        for one in [one for one in live if one["name"] == item["name"]]:
            one["lapses_at"] = None
        if status == "full":
            return
        if len(live) < self.forms[slug]["people"] and item["name"] not in [one["name"] for one in live]:
            self._register(number, item, status, now)

    def _decide_merging(self, kept: Entry, other: Entry, now: datetime, freed: set[str]) -> None:
        """The other one ends without a mail; who stays is mailed a link, unless one has just been."""
        if _place_rank(other) < _place_rank(kept):
            return
        self._cancel(other, now)
        other["merged"] = True
        kept["lapses_at"] = None
        freed.add(other["form"])
        if kept["asked_at"] is None or kept["asked_at"] <= now - ASKED_APART:
            kept |= {"links": kept["links"] + 1, "asked_at": now}

    def _decide_erasure(self, number: int, item: Entry, now: datetime) -> str:
        """Its result: a person who is already erased, or has just cancelled by the same link, is not erased."""
        return str(self.erase(item["person"], now, number)) if self._is_by_link(item) else "gone"

    def _is_by_link(self, item: Entry) -> bool:
        """Whether the link by which a command was sent still opens something when the command is decided."""
        who = self.people[item["person"]]
        return not who["erased"] and max(who["dead"], who["links"] - LIVE_LINKS) < item["by"]

    def _register(self, number: int, item: Entry, status: str, now: datetime, *, mailed: bool = True) -> None:
        form = self.forms[item["form"]]
        who = {name: item[name] for name in ("form", "who", "name", "received_at")} | {"number": number}
        who |= {"status": status, "revision": 1, "position": None, "accepted_at": now, "ended_at": None}
        who |= {"erased": False, "announced_at": None, "confirmed": False, "links": 0, "dead": 0}
        who |= {"asked_at": None, "merged": False, "mailed": mailed, "lapses_at": None}
        who |= NO_OFFER
        if status == "waitlisted":
            form["last"] += 1
            who["position"] = form["last"]
        self.people[number] = who
        self.notified.add(number)
        self._owe(MAIL_OF[status], who)

    def _change(self, who: Entry, name: str) -> None:
        who |= {"name": name, "revision": who["revision"] + 1, "lapses_at": None}
        self.notified.add(who["number"])
        self._owe("changed", who)

    def _mail(self, now: datetime) -> list[str]:
        """Mails go to those whose time has come, first those with a managing link; the next one to each is put off."""
        for number, since in sorted(self.postponed.items(), key=lambda item: (item[1], item[0])):
            one = self.people[number]
            box = self.boxes[one["who"]]
            waiting = self.waiting.get(one["who"])
            held = waiting is not None and waiting < since and max(waiting, box["next_at"]) >= now - HELD_BACK
            if box["next_at"] <= now and not held:
                self._space(box, now)
                one |= {"links": one["links"] + 1, "asked_at": now}
                del self.postponed[number]
        due = sorted(who for who in self.waiting if self.boxes[who]["next_at"] <= now)
        for who in due:
            self._space(self.boxes[who], now)
            del self.waiting[who]
        return due

    @staticmethod
    def _space(box: Entry, now: datetime) -> None:
        box["step"] += 1
        box |= {"next_at": now + SPACING[min(box["step"], len(SPACING)) - 1], "last_at": now}

    def note_links(self, minted: Iterable[tuple[str, str]], now: datetime) -> None:
        """The decider has minted links: (id, person)."""
        for link, who in minted:
            self.links[link] = {"who": who, "minted_at": now, "expires_at": now + LINK_KEPT}

    def note_mail(self, link: str, at: datetime, ended: bool) -> None:
        """The forms consume the outcome of a confirmation mail: sent at ``at``, or (``ended``) never."""
        if link not in self.links:
            return
        who, minted_at = self.links[link]["who"], self.links[link]["minted_at"]
        for number, one in list(self.candidates.items()):
            if one["who"] != who or one["received_at"] > minted_at + DIFFERENCE:
                continue
            if ended:
                del self.candidates[number]
            elif one["mailed_at"] is None:
                one["mailed_at"] = at
        if ended:
            self.waiting.pop(who, None)

    # coordinators

    def erase(self, person: int, now: datetime, until: int | None = None) -> Answer:
        """A registration is erased, with what waits; who came to an event that has begun stays counted.

        ``until``: number of the command by which its person erases it, with all that waits anywhere; what was received
        after it is not dropped. A coordinator (None) erases what waits on the same form.
        """
        who = self.people[person]
        if who["erased"]:
            return "not-found", ""
        name, form = who["who"], who["form"] if until is None else ""
        self.candidates = {
            number: one
            for number, one in self.candidates.items()
            if one["who"] != name or form not in ("", one["form"])
        }
        if not any(one["who"] == name for one in self.candidates.values()):
            self.links = {link: one for link, one in self.links.items() if one["who"] != name}
            self.waiting.pop(name, None)
        undecided = [number for number, one in self.states.items() if one["state"] != "decided"]
        if undecided:
            self.erased[name, form] = max(self.erased.get((name, form), 0), until or max(undecided))
        self._forget(who, now)
        return "erased"

    def _forget(self, who: Entry, now: datetime) -> None:
        slug, before = who["form"], who["status"]
        came = before == "confirmed" and self.is_over(slug, now) and self.event(slug)[0] in TAKING_PLACE
        if before in LIVE and not came:
            who |= {"status": "cancelled"} | NO_OFFER
        who |= {"revision": who["revision"] + 1, "erased": True, "lapses_at": None}
        self.postponed.pop(who["number"], None)
        if before in LIVE and not came:
            self._promote(slug, now)

    def decide_manually(self, person: int, seen: int, status: str, now: datetime) -> Answer:
        """A coordinator, who has seen revision ``seen``, gives a seat or takes a place back."""
        who = self.people[person]
        if who["erased"]:
            return "not-found", ""
        if seen != who["revision"]:
            return "edit-conflict", ""
        if status == "cancelled" and who["status"] not in LIVE:
            return "no-place", ""
        if status == "withdrawn":
            return self._withdraw(who, now)
        if status in ("confirmed", "offered") and who["status"] != "waitlisted":
            return "not-waiting", ""
        if self.is_over(who["form"], now):
            return "event-over", ""
        if status == "cancelled":
            self._cancel(who, now)
            self._promote(who["form"], now)
            return "cancelled"
        if self.event(who["form"])[0] not in TAKING_PLACE:
            return "not-taking-place", ""
        if status == "offered" and who["offer"] is not None:
            return "already-offered", ""
        if who["offer"] is None and self.free(who["form"]) == 0:
            return "no-free-seat", ""
        if status == "offered":
            return self._offer(who, now)
        who["lapses_at"] = None
        self._promote_one(who)
        return "confirmed"

    def _offer(self, who: Entry, now: datetime) -> Answer:
        """A seat is held for someone, until the last promotion at most, or until it is too late where that is past."""
        starts_at, closes_at = self.event(who["form"])[1], self.closes_at(who["form"])
        ends = [now + OFFER_LASTS]
        if starts_at is not None and closes_at is not None:
            ends.append(starts_at - NOTICE if starts_at - NOTICE > now else closes_at)
        who |= {"offer": min(ends), "passed": False, "revision": who["revision"] + 1}
        self._hold_longer(who, now)
        self._owe("seat-offered", who)
        return "waitlisted"

    def _withdraw(self, who: Entry, now: datetime) -> Answer:
        if who["offer"] is None:
            return "not-offered", ""
        self._end_offer(who, passed=False)
        self._promote(who["form"], now)
        return str(who["status"])

    def set_form(self, slug: str, seen: int, capacity: int | None, is_open: bool, now: datetime) -> Answer:
        """A coordinator, who has seen revision ``seen``, sets seats and switch."""
        form = self.forms[slug]
        if seen != form["revision"]:
            return "edit-conflict", ""
        before, after = (form["capacity"], form["open"]), (capacity, is_open)
        if before != after:
            form["changes"][form["revision"]] = (now, form["open"])
            form |= {"capacity": capacity, "open": is_open, "revision": form["revision"] + 1}
        if before[0] != capacity:
            self._promote(slug, now)
        return str(form["revision"])

    def move_event(self, name: str, step: str, starts_at: datetime) -> Answer:
        """A coordinator moves, postpones, cancels or revives an event; the forms have not consumed it yet."""
        revision, (status, begins_at, last_at) = max(self.events[name].items())
        if status not in {"revive": ("cancelled",), "cancel": (*TAKING_PLACE, "postponed")}.get(
            step, TAKING_PLACE if step == "postpone" else (*TAKING_PLACE, "postponed")
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

    def consume(self, name: str, revision: int) -> None:
        """The registration service has consumed an event."""
        self.consumed[name] = max(self.consumed[name], revision)

    def confirm_retention(self, slug: str, now: datetime) -> int:
        """An operator lets go who waits on a form because nothing announced them; returns how many."""
        return retention.confirm(self.of(slug), self.event(slug)[1], now)

    # time

    def tend(self, now: datetime) -> None:
        """What is done every few seconds: what was kept long enough goes, seats are given, people are forgotten."""
        retention.clean_up(self, now)
        for slug in self.forms:
            expired = [one for one in self.of(slug) if self._has_expired(one, now)]
            for who in expired:
                self._end_offer(who, passed=True)
            if expired:
                self._promote(slug, now)
            self._end_lapsed(slug, now)
        for slug in self.forms:
            retention.announce(self.of(slug), self.event(slug)[1], now)
        for person in [one for slug in self.forms for one in retention.due(self.of(slug), self.event(slug)[1], now)]:
            if not self.people[person]["erased"]:
                self._forget(self.people[person], now)
        for slug in self.forms:
            self._promote(slug, now)

    def _end_lapsed(self, slug: str, now: datetime) -> None:
        """Who has not acted in time gives way to those who wait, but not once the event is over."""
        lapsed = [one for one in self.of(slug) if self._has_lapsed(one, now)]
        for who in sorted(lapsed, key=lambda one: (one["lapses_at"], one["number"])):
            if self.is_over(slug, now):
                who["lapses_at"] = None
            else:
                self._cancel(who, now)
        if any(who["status"] == "cancelled" for who in lapsed):
            self._promote(slug, now)

    # reading

    def of(self, slug: str) -> Iterator[Entry]:
        """Everyone who ever registered on a form."""
        return (who for who in self.people.values() if who["form"] == slug)

    def live(self, slug: str, who: str) -> list[Entry]:
        """The live registrations of one address on a form."""
        return [one for one in self.of(slug) if one["who"] == who and one["status"] in LIVE and not one["erased"]]

    def line(self, slug: str) -> list[Entry]:
        """Who waits, in order of the receipt of their submissions."""
        waiting = [one for one in self.of(slug) if one["status"] == "waitlisted"]
        return sorted(waiting, key=lambda one: (one["received_at"], one["number"]))

    def next_ones(self, slug: str) -> list[Entry]:
        """Those who wait, have no offer and have let none pass: a free seat is given to them automatically."""
        return [one for one in self.line(slug) if one["offer"] is None and not one["passed"]]

    def event(self, slug: str) -> tuple[str, datetime | None, datetime]:
        """Status and start of a form's event as the form knows it."""
        name = self.forms[slug]["event"]
        return self.events[name][self.consumed[name]]

    def event_reason(self, slug: str, at: datetime) -> str:
        """Why the event takes no one; empty if it does."""
        status, _, _ = self.event(slug)
        if status not in TAKING_PLACE or not self.is_over(slug, at):
            return "" if status in TAKING_PLACE else status
        begins_at = self.event(slug)[1]
        return "begun" if begins_at is not None and at < begins_at + LASTS else "held"

    def closed(self, slug: str, is_open: bool, at: datetime) -> str:
        """Why the form takes no one at a time, with a switch that is on or off; empty if it does."""
        return self.event_reason(slug, at) if is_open else "closed"

    def is_over(self, slug: str, at: datetime) -> bool:
        """Whether it is too late for a form: people attend the events online, until the end unless the form says so."""
        until = self.closes_at(slug)
        return until is not None and until <= at

    def closes_at(self, slug: str) -> datetime | None:
        """When it is too late for a form; None while its event has no date."""
        begins_at = self.event(slug)[1]
        if begins_at is None or self.forms[slug]["until"] == "start":
            return begins_at
        return begins_at + LASTS

    def opens(self, link: str, now: datetime) -> bool:
        """Whether a confirmation link opens its page."""
        return link in self.links and now < self.links[link]["expires_at"]

    def has_ended(self, who: Entry, now: datetime) -> bool:
        """Whether someone's own link opens nothing any more, though they are not forgotten yet."""
        return self.event(who["form"])[0] != "postponed" and retention.link_has_ended(self.event(who["form"])[1], now)

    def confirmed(self, slug: str) -> int:
        """Seats taken."""
        return sum(who["status"] == "confirmed" for who in self.of(slug))

    def free(self, slug: str) -> int | None:
        """Seats that can be given; None without a limit."""
        capacity, offered = self.forms[slug]["capacity"], sum(who["offer"] is not None for who in self.of(slug))
        return None if capacity is None else max(0, capacity - self.confirmed(slug) - offered)

    def next_status(self, slug: str) -> str:
        """What a newcomer gets: those who wait go first."""
        free, form = self.free(slug), self.forms[slug]
        if free is None or (free and not self.next_ones(slug)):
            return "confirmed"
        return "waitlisted" if form["list"] else "full"

    def _full(self, slug: str) -> str:
        return "full" if self.next_status(slug) == "full" else ""

    def _open_at(self, slug: str, revision: int, now: datetime) -> bool:
        """Whether the form was switched on as its sender saw it shortly before; else as it is."""
        form = self.forms[slug]
        changed_at, before = form["changes"].get(revision, (None, form["open"]))
        return bool(before if changed_at is not None and changed_at >= now - SEEN else form["open"])

    def _store(self, number: int, item: Entry, now: datetime) -> None:
        self.queue[number] = item | {"attempts": 0, "received_at": now}
        self.states[number] = {"state": "received", "received_at": now, "outcome": None}

    def _waits(self, number: int) -> bool:
        return number in self.queue and self.states[number]["state"] == "received"

    def _cancel(self, who: Entry, now: datetime) -> None:
        who |= {"status": "cancelled", "revision": who["revision"] + 1, "ended_at": now, "dead": who["links"]}
        who |= NO_OFFER | {"lapses_at": None}
        self.postponed.pop(who["number"], None)
        self._owe("cancelled-by-you", who)

    def _promote(self, slug: str, now: datetime) -> None:
        """Free seats go to those who wait, in order, up to the notice time before the start."""
        status, begins_at, _ = self.event(slug)
        if status not in TAKING_PLACE or (begins_at is not None and now > begins_at - NOTICE):
            return
        while (line := self.next_ones(slug)) and self.free(slug) != 0:
            self._hold_longer(line[0], now)
            self._promote_one(line[0])

    def _promote_one(self, who: Entry) -> None:
        who |= {"status": "confirmed", "revision": who["revision"] + 1} | NO_OFFER
        self._owe("promotion", who)

    def _owe(self, kind: str, who: Entry) -> None:
        """A mail about the registration, with its own link."""
        who["links"] += 1
        self.mails.add((kind, who["number"], who["revision"]))


def _place_rank(who: Entry) -> int:
    """How good a place is: a seat, an offered one, in line, past an offer."""
    if who["status"] == "confirmed":
        return 0
    return 1 if who["offer"] is not None else 3 if who["passed"] else 2
