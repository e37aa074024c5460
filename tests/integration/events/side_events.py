"""Proposals and timetables: messages of registration about a proposal, and coordinators' actions on it."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from services.events.consumers import effects
from services.events.scheduling.worker import ScheduleWorker
from services.events.side_events.reading import ProposalKeys
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.registry import read
from shared.messaging.contracts.schemas import Message, decode
from shared.messaging.inbox import HandlingOutcome, apply_batch
from shared.runtime.clock import rfc3339
from shared.runtime.ids import new_id
from shared.security.sealing import open_sealed, public_key_of, seal_to
from tests.contract.samples import sample_message
from tests.support.clock import FrozenClock, agreeing

NOTIFICATIONS_KEY, REGISTRATION_KEY, EVENTS_KEY = bytes(range(32)), bytes(range(1, 33)), bytes(range(2, 34))
"""Private keys of the three services."""
REFERENCE_KEY = bytes(range(3, 35))
EVENTS_PUBLIC_KEY = public_key_of(EVENTS_KEY)
CONSUMER_KEYS = ProposalKeys((EVENTS_KEY,), (REFERENCE_KEY,))
BOXES = {"note": REGISTRATION_KEY, "sealed": NOTIFICATIONS_KEY}
"""Who opens which field of a decision."""

PROPOSALS, ROLLUP = "events.proposals", "events.rollup"
DETAILS = ("working_group", "language", "partner", "person_ref", "occurred_at")
"""The clear part of a message about a proposal."""

AsRole = Callable[[str], dict[str, str]]

_FACTS = "SELECT body FROM outbox WHERE body <> '' AND type NOT LIKE '%-audit.recorded.v1' ORDER BY id"
"""All but the entries of the audit log."""


def a_text(title: str, **answers: Any) -> dict[str, Any]:
    """The sealed part of a proposal; speakers may be given as one text with a name on each line."""
    base: dict[str, Any] = {
        "title": title,
        "summary": "What was promised and what was done.",
        "organisation": None,
        "speakers": [],
        "named_speakers": [],
        "attendance": 30,
        "preferred_days": [],
        "unavailable_days": [],
    }
    values_given = base | answers
    lists = {name: values_given[name] for name in ("speakers", "named_speakers")}
    return values_given | {name: one.splitlines() if isinstance(one, str) else one for name, one in lists.items()}


def proposal_message(
    verb: str, proposal: str, revision: int, title: str = "", *, key: bytes = EVENTS_PUBLIC_KEY, **answers: Any
) -> Message:
    """What registration publishes, as a listener hands it over; ``verb`` is submitted, changed or withdrawn."""
    data = {"proposal_id": proposal, "revision": revision} | {
        name: answers.pop(name) for name in DETAILS if name in answers
    }
    if verb != "withdrawn":
        box = seal_to(key, a_text(title, **answers))
        data |= {"working_group": data.get("working_group"), "sealed": base64.b64encode(box).decode()}
    return as_read(sample_message(f"proposal.{verb}.v1", **data))


def erased_message(proposal: str, revision: int = 9, **data: Any) -> Message:
    """The message that a proposer was erased."""
    content: dict[str, Any] = {
        "registration_id": proposal,
        "revision": revision,
        "form": "side-event-proposal",
        "event": None,
    }
    content |= {"form_kind": "proposal", "status": "cancelled"}
    return as_read(sample_message("person.erased.v1", **content | data))


def as_read(message: Message) -> Message:
    """The message with its content checked by the contract."""
    return replace(message, data=read(message))


def deliver(work: UnitOfWork, messages: Sequence[Message], keys: ProposalKeys = CONSUMER_KEYS) -> list[HandlingOutcome]:
    """Let events consume messages, one by one."""
    outcomes: list[HandlingOutcome] = []
    for message in messages:
        queue = ROLLUP if message.routing_key == "person.erased.v1" else PROPOSALS
        outcomes += apply_batch(work, queue, [message], effects(keys)[queue])
    return outcomes


@dataclass(frozen=True, slots=True)
class Desk:
    """A coordinator's desk, and the consumer of what registration publishes.

    Attributes:
        client: of the web application.
        headers: of a coordinator.
        engine: on the database, as its migrator.
        consumer: transactions of a consumer, by its own login.
    """

    client: FlaskClient
    headers: dict[str, str]
    engine: Engine
    clock: FrozenClock
    consumer: UnitOfWork

    def receive(self, *messages: Message) -> None:
        """Consume messages; none of them is refused."""
        assert set(deliver(self.consumer, messages)) <= {"done"}

    def propose(self, title: str, **answers: Any) -> str:
        """Consume a new proposal; returns its id."""
        proposal = new_id()
        self.receive(proposal_message("submitted", proposal, 1, title, **self._now(answers)))
        return proposal

    def change(self, proposal: str, revision: int, title: str, **answers: Any) -> None:
        """Consume a later revision of a proposal's registration."""
        self.receive(proposal_message("changed", proposal, revision, title, **self._now(answers)))

    def withdraw(self, proposal: str, revision: int = 8) -> None:
        """Consume that a proposal was withdrawn."""
        self.receive(proposal_message("withdrawn", proposal, revision, **self._now({})))

    def erase(self, proposal: str) -> None:
        """Consume the message that its proposer was erased."""
        self.receive(erased_message(proposal, **self._now({})))

    def accepted(self, title: str, **answers: Any) -> str:
        """A proposal that is accepted; returns its id."""
        proposal = self.propose(title, **answers)
        assert self.decide(proposal, "accept").status_code == 200
        return proposal

    def show(self, proposal: str) -> dict[str, Any]:
        """A proposal as the API shows it to coordinators."""
        shown: dict[str, Any] = self.client.get(f"/v1/proposals/{proposal}", headers=self.headers).get_json()
        return shown

    def history(self, proposal: str) -> list[dict[str, Any]]:
        """Its history as the API shows it."""
        answer = self.client.get(f"/v1/proposals/{proposal}/history", headers=self.headers)
        items: list[dict[str, Any]] = answer.get_json()["items"]
        return items

    def decide(self, proposal: str, verb: str, note: str = "", *, seen: str = "") -> Any:
        """Decide, having read the proposal or with the tag that was ``seen``; returns the answer."""
        return self.act(proposal, verb, {"note": note}, seen=seen)

    def act(self, proposal: str, path: str, body: dict[str, Any] | None = None, *, seen: str = "") -> Any:
        """Post below the path of a proposal, having read it or with the tag that was ``seen``."""
        place = f"/v1/proposals/{proposal}"
        tag = seen or self.client.get(place, headers=self.headers).headers.get("ETag", "*")
        return self.client.post(f"{place}/{path}", json=body, headers={**self.headers, "If-Match": tag})

    def patch(self, proposal: str, **changes: Any) -> Any:
        """Change an accepted proposal, having read it; returns the answer."""
        place = f"/v1/proposals/{proposal}"
        tag = self.client.get(place, headers=self.headers).headers["ETag"]
        return self.client.patch(place, json=changes, headers={**self.headers, "If-Match": tag})

    def board(self) -> Any:
        """The draft board's answer."""
        return self.client.get("/v1/schedule", headers=self.headers)

    def put(self, proposal: str, room: str, slot: str, *, pinned: bool = True) -> Any:
        """Put a proposal somewhere, from the newest revision of the board."""
        seen = {**self.headers, "If-Match": self.board().headers["ETag"]}
        body = {"room": room, "slot": slot, "pinned": pinned}
        return self.client.put(f"/v1/schedule/placements/{proposal}", json=body, headers=seen)

    def publish(self) -> Any:
        """Publish the draft board."""
        return self.client.post("/v1/schedule/publish", headers=self.headers)

    def solve(self) -> dict[str, Any]:
        """Ask for a timetable, let a worker make it, and return the job."""
        job = self.client.post("/v1/schedule/solve", headers=self.headers)
        assert job.status_code == 202
        work = UnitOfWork(self.engine, "events")
        assert ScheduleWorker(work, agreeing(self.clock, work), 5.0).run_once()
        found: dict[str, Any] = self.client.get(
            f"/v1/schedule/jobs/{job.get_json()['id']}", headers=self.headers
        ).get_json()
        return found

    def messages(self, after: int = 0) -> list[tuple[str, dict[str, Any]]]:
        """(key, content) of each message since the first ``after``, each checked against its contract."""
        return [(message.routing_key, dict(message.data)) for message in self._messages()[after:]]

    def decisions(self, after: int = 0) -> list[tuple[str, dict[str, Any]]]:
        """The same of decisions alone, their sealed parts opened by whom they are for."""
        return [
            (key, content | {name: open_sealed([key], base64.b64decode(content[name])) for name, key in BOXES.items()})
            for key, content in self.messages(after)
            if key.startswith("proposal.")
        ]

    def raw(self) -> str:
        """All bodies as they travel."""
        with self.engine.connect() as connection:
            return "\n".join(row[0].decode() for row in connection.execute(text("SELECT body FROM outbox")))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Values from the database."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def _now(self, answers: dict[str, Any]) -> dict[str, Any]:
        return {"occurred_at": rfc3339(self.clock())} | answers

    def _messages(self) -> list[Any]:
        with self.engine.connect() as connection:
            bodies = connection.execute(text(_FACTS)).scalars().all()
        messages = [decode(body) for body in bodies]
        for message in messages:
            read(message)
        return messages
