"""What people and coordinators do, by the real use cases; the answer may be lost after the commit, and they repeat."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.registration.domain.intake import Answered, Submission
from services.registration.usecases.prepare import Envelope, prepare
from services.registration.usecases.register import register_batch
from services.registration.usecases.verify import verify

from services.events.usecases.change_event import ANY, Deed, change_event
from services.events.usecases.steps import StepWish, step_of
from services.registration.domain.form_settings import FormSettings
from services.registration.tending import Tending
from services.registration.usecases.cancel import cancel
from services.registration.usecases.change_form import FormChange, change_form
from services.registration.usecases.decide import Decision, decide
from services.registration.usecases.erase import HERE, Erasure, erase_known, erase_own, erase_unconfirmed
from services.registration.usecases.look_up import FormView, view_form
from services.registration.usecases.retain import confirm_unannounced
from shared.core.errors import DomainError, Unavailable
from shared.core.sealing import open_sealed
from shared.forms.validation import Answers
from shared.store.unit_of_work import UnitOfWork
from tests.integration.model.ledger import Answer
from tests.integration.model.rules import FORMS
from tests.integration.model.world import PRIVATE_KEY, World
from tests.support.clock import agreeing

SENTENCES = {status: status for status in ("confirmed", "waitlisted", "unverified")}
BY = "a coordinator"


class Office:
    """Asks the services in ``world``. Whatever is ``lost`` was done, and is asked for again."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._views: dict[str, FormView] = {
            slug: view_form(world.work("registration"), slug, world.clock()) for slug in FORMS
        }

    def fill(self, form: str, who: str, key: str | None) -> tuple[Submission, dict[str, Any]]:
        """A form filled once: what the service makes of it, and what the model is told of it."""
        values = {"name": who.title(), "email": f"{who}@example.org", "language": "en", "consent": True}
        envelope = Envelope(None, "en", key or "", who.encode(), SENTENCES)
        view = self._views[form]
        submission = prepare(self._world.keys, view, Answers(values, {}), envelope, self._world.clock())
        box = open_sealed([PRIVATE_KEY], submission.person.box)
        wish = {"form": form, "who": who, "key": key, "id": submission.person.id}
        wish |= {"own": box["token"], "verify": box.get("verify", "")}
        return submission, wish | {"bodies": submission.bodies}

    def register(self, batch: Sequence[Submission], *, lost: bool = False) -> list[Answer]:
        """Hand in, all in one transaction of the write group; nothing is said if the answers are ``lost``."""
        try:
            outcomes = register_batch(self._world.work("intake", lost=lost), self._world.clock, batch)
        except Unavailable:
            return []
        return [one.body if isinstance(one, Answered) else _refusal(one) for one in outcomes]

    def verify(self, token: str, *, lost: bool = False) -> Answer:
        """Press the button in the first mail."""
        return self._ask(lost, lambda work: verify(work, self._world.clock, token)[0].registration.status)

    def cancel(self, token: str, *, lost: bool = False) -> Answer:
        """Press the button in a later mail."""
        return self._ask(lost, lambda work: cancel(work, self._world.clock, token).registration.status)

    def erase(self, token: str, *, is_own: bool, lost: bool = False) -> Answer:
        """Press the button by which one is forgotten, behind one's own link or the one that confirms an address."""

        def ask(work: UnitOfWork) -> str:
            (erase_own if is_own else erase_unconfirmed)(work, self._world.clock, token)
            return "erased"

        return self._ask(lost, ask)

    def erase_known(self, identity: str, *, lost: bool = False) -> Answer:
        """A coordinator does it for somebody; again, and nothing happens."""
        erasure = Erasure(identity, "asked", BY, HERE, lambda _form: True)
        return self._ask(lost, lambda work: str(erase_known(work, self._world.clock, erasure)))

    def decide(self, identity: str, seen: int, status: str, *, lost: bool = False) -> Answer:
        """A coordinator's decision."""
        decision = Decision(identity, seen, status, BY)
        return self._ask(lost, lambda work: decide(work, self._world.clock, decision).registration.status)

    def set_form(self, slug: str, seen: int, capacity: int | None, is_open: bool, *, lost: bool = False) -> Answer:
        """A coordinator's change of seats and switch."""
        change = FormChange(slug, seen, BY, FormSettings(capacity, is_open))
        return self._ask(lost, lambda work: str(change_form(work, self._world.clock, change).revision))

    def move_event(self, name: str, step: str, starts_at: datetime, *, lost: bool = False) -> Answer:
        """A coordinator's step with an event."""
        when = (starts_at, starts_at + timedelta(hours=2)) if step == "reschedule" else (None, None)
        taken = step_of(StepWish(name=step, starts_at=when[0], ends_at=when[1]))

        def ask(work: UnitOfWork) -> str:
            return str(change_event(work, self._world.clock, name, taken, {ANY}, Deed(step, BY)).event.revision)

        return self._ask(lost, ask, "events")

    def keep_house(self) -> None:
        """One turn of ``tend``."""
        work = self._world.work("registration")
        Tending(work, agreeing(self._world.clock, work)).turn()

    def confirm_retention(self, slug: str) -> int:
        """An operator lets go who waits on a form because nothing announced them; returns how many."""
        return confirm_unannounced(self._world.work("registration"), self._world.clock(), slug, BY).get("people", 0)

    def _ask(self, lost: bool, ask: Callable[[UnitOfWork], str], service: str = "registration") -> Answer:
        """Ask; if the answer is ``lost`` ask again. A refusal stores nothing and so arrives."""
        try:
            if lost:
                try:
                    return ask(self._world.work(service, lost=True))
                except Unavailable:
                    pass
            return ask(self._world.work(service))
        except DomainError as refusal:
            return _refusal(refusal)


def _refusal(refusal: DomainError) -> Answer:
    """Only where the form is closed the detail is a word that programs rely on."""
    return refusal.code, refusal.detail if refusal.code == "form-closed" else ""
