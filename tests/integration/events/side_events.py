"""Proposals and timetables as a client makes them, and what the service then has to say."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from services.events.schedule_worker import ScheduleWorker
from services.notifications.mail.showing import PROPOSAL_PATH
from shared.contracts.envelope import decode
from shared.contracts.registry import read
from shared.core.sealing import open_sealed
from shared.store.unit_of_work import UnitOfWork
from tests.support.clock import FrozenClock

NOTIFICATIONS_KEY = bytes(range(32))
"""Private: opens what the service seals to notifications."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A coordinator's desk, with the door for everybody beside it."""

    client: FlaskClient
    headers: dict[str, str]
    engine: Engine
    clock: FrozenClock

    def propose(self, title: str, **answers: Any) -> str:
        """Send a proposal as anybody; returns its id."""
        answer = self.client.post("/v1/proposals", json=an_answer(title, **answers))
        assert answer.status_code == 201, answer.get_json()
        return str(answer.get_json()["id"])

    def accepted(self, title: str, **answers: Any) -> str:
        """Send a proposal and accept it; returns its id."""
        proposal = self.propose(title, **answers)
        self.decide(proposal, "accept")
        return proposal

    def decide(self, proposal: str, verb: str, note: str = "", *, seen: str = "") -> Any:
        """Decide, having read the proposal or with the tag that was ``seen``; returns the answer."""
        path = f"/v1/proposals/{proposal}"
        tag = seen or self.client.get(path, headers=self.headers).headers.get("ETag", "*")
        return self.client.post(f"{path}/{verb}", json={"note": note}, headers={**self.headers, "If-Match": tag})

    def link(self, proposal: str) -> str:
        """The path in the mails about a proposal, as notifications are told its token."""
        tokens = {said["proposal_id"]: said["sealed"]["token"] for _, said in self.said_of_proposals()}
        return f"{PROPOSAL_PATH}{tokens[proposal]}"

    def board(self) -> Any:
        """The draft board's answer."""
        return self.client.get("/v1/schedule", headers=self.headers)

    def put(self, proposal: str, room: str, slot: str, *, pinned: bool = True) -> Any:
        """Put a proposal somewhere, having looked at the board."""
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
        assert ScheduleWorker(UnitOfWork(self.engine, "events"), self.clock, 5.0).turn()
        found: dict[str, Any] = self.client.get(
            f"/v1/schedule/jobs/{job.get_json()['id']}", headers=self.headers
        ).get_json()
        return found

    def said(self, after: int = 0) -> list[tuple[str, dict[str, Any]]]:
        """(key, content) of each message since the first ``after``, each checked against its contract."""
        return [(message.routing_key, dict(message.data)) for message in self._messages()[after:]]

    def said_of_proposals(self, after: int = 0) -> list[tuple[str, dict[str, Any]]]:
        """The same of proposals alone, their sealed part opened."""
        return [
            (key, content | {"sealed": open_sealed([NOTIFICATIONS_KEY], base64.b64decode(content["sealed"]))})
            for key, content in self.said(after)
            if key.startswith("proposal.")
        ]

    def raw(self) -> str:
        """All bodies as they travel."""
        with self.engine.connect() as connection:
            return "\n".join(row[0].decode() for row in connection.execute(text("SELECT body FROM outbox")))

    def _messages(self) -> list[Any]:
        with self.engine.connect() as connection:
            bodies = connection.execute(text("SELECT body FROM outbox ORDER BY id")).scalars().all()
        messages = [decode(body) for body in bodies]
        for message in messages:
            read(message)
        return messages


def an_answer(title: str, **answers: Any) -> dict[str, Any]:
    """The answers of a proposal."""
    base = {
        "name": "A proposer",
        "email": "proposer@example.org",
        "title": title,
        "summary": "What was promised and what was done.",
        "attendance": 30,
        "consent": True,
    }
    return base | answers


AsRole = Callable[[str], dict[str, str]]
