"""What people and coordinators do, by the real use cases; an answer may be lost after the commit, then they repeat."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.events.desk.service import ANY, EventAction, change_event
from services.events.event.lifecycle import StepWish, step_of
from services.registration.forms.changes import FormChange, change_form
from services.registration.forms.model import FormSettings
from services.registration.intake import queue
from services.registration.intake.decider import Decider
from services.registration.intake.desk_items import CORRECT, ENTER, MERGE, DeskCommand
from services.registration.intake.form_view import FormView, view_form
from services.registration.intake.model import Act, Choice
from services.registration.intake.reading import DeciderKeys
from services.registration.intake.service import Envelope, Intake
from services.registration.own.commands import send_choices, send_own
from services.registration.own.service import show_own, show_waiting
from services.registration.people.decisions import OFFER, SeatDecision, decide_seat
from services.registration.people.waiting_list import promoting
from services.registration.privacy.erasure import HERE, Erasure, erase_known
from services.registration.privacy.retention import confirm_unannounced
from services.registration.workers import Tending
from shared.db.unit_of_work import UnitOfWork
from shared.public_forms.validation import Answers
from shared.runtime import failpoints
from shared.runtime.errors import DomainError, Unavailable
from shared.security.sealing import open_sealed
from tests.integration.model.bus import Died
from tests.integration.model.databases import DECIDER_KEY, INTAKE_KEY, MESSAGES, PRIVATE_KEY, REFERENCES, ModelDatabases
from tests.integration.model.reference_model import Answer
from tests.support.clock import agreeing

BY = "a coordinator"
MANY_SEATS = 1_000_000
"""The quota of forms without verification, which the model leaves out."""
DECIDER = "01900000-0000-7000-8000-000000000001"
"""One name for all deciders of a history: a successor waits no longer than it takes to start."""

WANTED = "org.troika.confirmation.wanted.v1"
_BOXES = """
    SELECT id, type, subject, convert_from(body, 'UTF8') FROM outbox
    WHERE id > %s AND body <> '' AND (type = 'org.troika.confirmation.wanted.v1'
        OR starts_with(type, 'org.troika.registration.')) ORDER BY id
"""


class SystemUnderTest:
    """Sends requests to the services on ``databases``. A request whose answer is ``lost`` was done, and is repeated.

    Attributes:
        links: tokens of confirmation links by id. own: the newest token of the managing link by registration.
    """

    def __init__(self, databases: ModelDatabases) -> None:
        self._databases = databases
        self.links: dict[str, str] = {}
        self.own: dict[str, str] = {}
        self._read = 0
        self._received_at: datetime | None = None

    def forget(self) -> None:
        """Begin again, with no mail read."""
        self.links.clear()
        self.own.clear()
        self._read = int(self._databases.rows("registration", "SELECT coalesce(max(id), 0) FROM outbox")[0][0])
        self._received_at = None

    def submit(self, request: dict[str, Any], *, lost: bool = False) -> Answer:
        """Send a filled form; the page confirms that it is stored, or gives the reason why not."""
        who, name = request["who"], request["name"]
        values = {"name": name, "email": f"{who}@example.org", "language": "en", "consent": True}
        envelope = Envelope(
            partner=None,
            language="en",
            idempotency_key=request["key"] or "",
            digest=hashlib.sha256(f"{who} {name}".encode()).digest(),
            network=request["network"],
            challenge=request["challenge"],
        )

        def ask(work: UnitOfWork) -> str:
            view = self._view(request["form"])
            Intake(work, INTAKE_KEY).submit(view, Answers(values, {}), envelope, self._databases.clock())
            return "received"

        return self._ask(lost, ask)

    def choose(self, link: str, choices: Sequence[tuple[str, str, str | None]], *, lost: bool = False) -> Answer:
        """Press the button of the page behind a confirmation link: (candidate, act, registration it replaces)."""

        def ask(work: UnitOfWork) -> str:
            waiting = show_waiting(self._databases.work("registration"), self.links[link], self._databases.clock())
            assert waiting.pending, f"nothing waits behind the link {link}"
            chosen = [Choice(candidate, Act(act), replaced) for candidate, act, replaced in choices]
            send_choices(Intake(work, INTAKE_KEY), self._view(waiting.pending[0].form), waiting, chosen)
            return "received"

        return self._ask(lost, ask)

    def opens_link(self, link: str) -> bool:
        """Whether the page behind a confirmation link opens."""
        try:
            show_waiting(self._databases.work("registration"), self.links[link], self._databases.clock())
        except DomainError:
            return False
        return True

    def act(self, kind: str, registration: str, *, lost: bool = False) -> Answer:
        """Press a button on the page behind the newest managing link; ``kind`` is the command that it sends."""

        def ask(work: UnitOfWork) -> str:
            self.read_mails()
            token, intake = self.own[registration], Intake(work, INTAKE_KEY)
            own, view = show_own(self._databases.work("registration"), token, self._view, self._databases.clock())
            values = {"revision": own.person.registration.revision} if kind == "cancel" else {}
            send_own(intake, view, token, kind, values)
            return "received"

        return self._ask(lost, ask)

    def decide(self, crashes: str = "") -> list[tuple[str, str]]:
        """One batch of a decider that has just started; returns the links that it has minted: (id, address).

        Args:
            crashes: fail point at which the process ends, if it is reached.
        """
        work = self._databases.work("registration")
        keys = DeciderKeys([DECIDER_KEY], REFERENCES)
        decider = Decider(
            work, agreeing(self._databases.clock, work), keys, MESSAGES, name=DECIDER, unverified_a_day=MANY_SEATS
        )

        def end(point: str) -> None:
            if point == crashes:
                raise Died

        failpoints.install(end)
        try:
            decider.run_once()
        except Died:
            pass
        finally:
            failpoints.install(None)
        return self.read_mails()

    def read_mails(self) -> list[tuple[str, str]]:
        """Read what was sealed to notifications since the last call; returns new confirmation links: (id, address)."""
        minted = []
        for number, kind, subject, body in self._databases.rows("registration", _BOXES, self._read):
            self._read = number
            box = open_sealed([PRIVATE_KEY], base64.b64decode(json.loads(body)["data"]["sealed"]))
            if kind == WANTED:
                self.links[subject] = box["token"]
                minted.append((subject, box["address"].partition("@")[0]))
            else:
                self.own[subject] = box["token"]
        return minted

    def spoil(self, number: int) -> None:
        """The body of a submission that waits can no longer be read."""
        self._databases.admin_connections["registration"].execute(
            "UPDATE submission SET body = 'x' WHERE id = %s", (number,)
        )

    def replay(self) -> int:
        """An operator lets everything parked be tried again; returns how many."""
        with self._databases.work("registration").transaction() as connection:
            return len(queue.replay_parked(connection, None))

    def erase_known(self, identity: str, *, lost: bool = False) -> Answer:
        """A coordinator does it for someone; again, and nothing happens."""
        erasure = Erasure(identity, "asked", BY, HERE, lambda _form: True)
        return self._ask(lost, lambda work: str(erase_known(work, self._databases.clock, MESSAGES, erasure)))

    def decide_manually(self, identity: str, seen: int, status: str, *, lost: bool = False) -> Answer:
        """A coordinator's decision about one registration."""
        decision = SeatDecision(identity, seen, status, BY, "speaker" if status == OFFER else "")
        return self._ask(
            lost, lambda work: decide_seat(work, self._databases.clock, MESSAGES, decision).registration.status
        )

    def enter(self, slug: str, who: str, name: str, *, lost: bool = False) -> Answer:
        """A coordinator enters someone manually."""
        return self._send(slug, who, name, ENTER, {"reason": "phoned"}, lost)

    def correct(self, identity: str, seen: int, name: str, *, lost: bool = False) -> Answer:
        """A coordinator corrects the name of a registration."""
        slug, who = self._registered(identity)
        values = {"target": {"id": identity, "revision": seen}, "fields": ["name"], "reason": "misspelt"}
        return self._send(slug, who, name, CORRECT, values, lost)

    def merge(self, kept: tuple[str, int], other: tuple[str, int], *, lost: bool = False) -> Answer:
        """A coordinator makes one of two registrations: (id, revision) of the one that stays and the one that ends."""
        slug, who = self._registered(kept[0])
        values = {
            name: dict(zip(("id", "revision"), one, strict=True)) for name, one in (("kept", kept), ("other", other))
        }
        return self._send(slug, who, "unused", MERGE, {**values, "fields": [], "reason": "twice"}, lost)

    def _registered(self, identity: str) -> tuple[str, str]:
        """The form of a registration and who it is of; of someone erased any of both will do."""
        [(form, email)] = self._databases.rows(
            "registration", "SELECT form, email FROM registration WHERE id = %s", identity
        )
        return form, (email or "nobody@example.org").partition("@")[0]

    def _send(self, slug: str, who: str, name: str, kind: str, values: dict[str, Any], lost: bool) -> Answer:
        answers = {"name": name, "email": f"{who}@example.org", "language": "en", "consent": True}

        def ask(work: UnitOfWork) -> str:
            Intake(work, INTAKE_KEY).submit_command(
                self._view(slug), Answers(answers, {}), DeskCommand(kind, BY, "en", values)
            )
            return "received"

        return self._ask(lost, ask)

    def set_form(self, slug: str, seen: int, capacity: int | None, is_open: bool, *, lost: bool = False) -> Answer:
        """A coordinator's change of seats and switch."""
        change = FormChange(slug, seen, BY, FormSettings(capacity, is_open))
        return self._ask(
            lost, lambda work: str(change_form(work, self._databases.clock, promoting(MESSAGES), change).revision)
        )

    def move_event(self, name: str, step: str, starts_at: datetime, *, lost: bool = False) -> Answer:
        """A coordinator's step with an event."""
        when = (starts_at, starts_at + timedelta(hours=2)) if step == "reschedule" else (None, None)
        taken = step_of(StepWish(name=step, starts_at=when[0], ends_at=when[1]))

        def ask(work: UnitOfWork) -> str:
            return str(
                change_event(work, self._databases.clock, name, taken, {ANY}, EventAction(step, BY)).event.revision
            )

        return self._ask(lost, ask, "events")

    def tend(self) -> None:
        """One tick of ``tend``."""
        work = self._databases.work("registration")
        Tending(work, agreeing(self._databases.clock, work), MESSAGES).tick()

    def confirm_retention(self, slug: str) -> int:
        """An operator lets go who waits on a form because nothing announced them; returns how many."""
        return confirm_unannounced(self._databases.work("registration"), self._databases.clock(), slug, BY).get(
            "people", 0
        )

    def _view(self, slug: str) -> FormView:
        return view_form(self._databases.work("registration"), slug, self._databases.clock())

    def _ask(self, lost: bool, ask: Callable[[UnitOfWork], str], service: str = "registration") -> Answer:
        """Ask; if the answer is ``lost`` ask again. A refusal stores nothing and so arrives."""
        self._set_database_time()
        try:
            if lost:
                try:
                    return ask(self._databases.work(service, lost=True))
                except Unavailable:
                    pass
            return ask(self._databases.work(service))
        except DomainError as refusal:
            return _refusal(refusal)

    def _set_database_time(self) -> None:
        """Submissions are received by the database's clock: it is set to the time of all others."""
        now = self._databases.clock()
        if now != self._received_at:
            self._received_at = now
            self._databases.admin_connections["registration"].execute(
                f"ALTER TABLE submission ALTER COLUMN received_at SET DEFAULT '{now.isoformat()}'"
            )


def _refusal(refusal: DomainError) -> Answer:
    """Only where the form is closed the detail is a word that programs rely on."""
    return refusal.code, refusal.detail if refusal.code == "form-closed" else ""
