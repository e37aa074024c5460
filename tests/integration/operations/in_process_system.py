"""All three services without a process: people act by HTTP, messages and mails are delivered when a test calls for it.

What it holds was made by the services' own use cases, so it is what an installation holds: seats, a waiting list,
candidates that ran out, people who tried twice, people who were erased, bulletins, an event that moved.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine

from deploy.local.installation import SAMPLE
from services.events.consumers import effects as events_effects
from services.events.desk.service import ANY, EventAction, change_event
from services.events.event.lifecycle import StepWish, step_of
from services.events.loading.folder import read_folder
from services.events.loading.moving import moved, time_to_next
from services.events.loading.service import load_sample
from services.events.side_events.model import ProposalStatus
from services.events.side_events.service import ProposalDecision, SeenProposal, decide_proposal
from services.registration.cleanup import RECEIPT_KEPT
from services.registration.consumers import effects as registration_effects
from services.registration.intake.service import receipt_hash
from services.registration.key_stores import keys_engine, opened_form_keys
from services.registration.loading import load_forms
from services.registration.people.messages import RegistrationMessages
from services.registration.settings import read_settings
from services.registration.web import build_app
from services.registration.workers import Tending
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import outbox
from shared.messaging.contracts import registry
from shared.messaging.contracts.registry import BY_TYPE, SERVICES, service_of
from shared.messaging.contracts.schemas import Message, decode
from shared.messaging.inbox import apply_batch
from shared.runtime.runner import Stop
from shared.security.sealing import Vault, public_key_of, read_keys
from tests.integration.notifications.bulletins import draft, send
from tests.integration.notifications.desk import open_desk
from tests.integration.notifications.notification_service import NotificationService
from tests.support.clients import WEBINAR, answers, rows
from tests.support.clock import FrozenClock, agreeing
from tests.support.deciding import decide_all, deciding, make_decider, receive_at
from tests.support.installation import TestInstallation
from tests.support.mailed_tokens import confirmation_token, managing_token
from tests.support.proposals import FORM as PROPOSAL
from tests.support.proposals import events_keys, proposal_answers
from tests.support.smtp_relay import Relay

PRESS = "review-press-conference"
WEDNESDAY = 2
AHEAD = timedelta(weeks=1)
"""The webinar is at least so far ahead of its Wednesday that no reminder is due on any day of creation."""
LONG_AGO = timedelta(days=10)
"""Where the clock of a system begins: late enough to end before now, early enough for candidates to run out."""

OFFER = re.compile(r'name="(choice-[^"]+)" value="((?:confirm|replace|refuse)[^"]*)"')


class InProcessSystem:
    """Args:
    installation: all of its databases.
    folder: for keys of the coordinators' desk.
    """

    def __init__(self, installation: TestInstallation, folder: Path) -> None:
        self.installation, self._folder = installation, folder
        self.clock = FrozenClock(datetime.now(UTC) - LONG_AGO)
        self._received: dict[str, datetime] = {}
        self.copies: Counter[str] = Counter()
        self._engines: dict[str, Engine] = {service: open_engine(installation.urls[service]) for service in SERVICES}
        keys = installation.secrets.folder
        sealing, vault = read_keys(keys / "notifications.key"), read_keys(keys / "vault.key")
        self._sealing_key = public_key_of(sealing[0])
        self.notifications = NotificationService(
            self._engines["notifications"], self.clock, sealing[0], Vault(vault), vault[0]
        )
        work = self.work("registration")
        self.checked_clock = agreeing(self.clock, work)
        self.decider = make_decider(installation, work, self.checked_clock)
        receive_at(installation, self.clock)
        self._effects = {
            **registration_effects(read_keys(keys / "registration.key")),
            **events_effects(events_keys(installation)),
            **self.notifications.effects,
        }

    def work(self, service: str) -> UnitOfWork:
        """A unit of work on a service's database."""
        return UnitOfWork(self._engines[service], service)

    @property
    def accepted(self) -> list[str]:
        """Hashes of the receipts that clients were given and that are kept still."""
        return [receipt for receipt, at in self._received.items() if at >= self.clock() - RECEIPT_KEPT]

    def leave(self) -> None:
        """Close every connection."""
        for engine in self._engines.values():
            engine.dispose()

    def client(self) -> FlaskClient:
        """The registration service's application, by the system's clock; its settings are in the environment."""
        settings = read_settings()
        if (keys_database := keys_engine(settings)) is not None:
            self._engines["keys"] = keys_database
        engine = self._engines["registration"]
        return build_app(settings, engine, clock=self.clock, keys_database=keys_database).test_client()

    def open(self, client: FlaskClient, seats: int) -> None:
        """Load the programme and the forms, and give the webinar so many seats."""
        with opened_form_keys(read_settings()) as form_keys:
            load_forms(self.work("registration"), form_keys, SAMPLE)
        by = time_to_next(read_folder(SAMPLE), WEBINAR, WEDNESDAY, datetime.now(UTC) + AHEAD)
        programme = moved(read_folder(SAMPLE), by)
        load_sample(self.work("events"), self.clock, programme)
        self.deliver()
        self.set_seats(client, seats)

    def set_seats(self, client: FlaskClient, seats: int) -> None:
        """A coordinator changes the webinar's capacity."""
        ((revision,),) = rows(
            self.installation.urls["registration"], "SELECT revision FROM form WHERE slug = %s", WEBINAR
        )
        headers = {"Authorization": f"Bearer {self.installation.secrets.coordinator_key}", "If-Match": f'"{revision}"'}
        answer = client.patch(f"/v1/forms/{WEBINAR}", json={"capacity": seats}, headers=headers)
        assert answer.status_code == 200, answer.get_json()

    def register(self, client: FlaskClient, *numbers: int, form: str = WEBINAR) -> None:
        """People submit a form; each has an idempotency key, and sends the form again with it."""
        for number in numbers:
            headers = {"Idempotency-Key": f"person-{form}-{number:06}"}
            path = f"/v1/forms/{form}/submissions"
            content = _filled(number, form)
            first, again = (client.post(path, json=content, headers=headers) for _ in range(2))
            assert (first.status_code, again.get_json()) == (202, first.get_json()), first.get_json()
            self._note(first.get_json()["receipt"])
        decide_all(self.decider)

    def try_again(self, client: FlaskClient, *numbers: int, form: str = WEBINAR, **others: Any) -> None:
        """People who are registered submit again, with ``others`` in place of their answers."""
        for number in numbers:
            answer = client.post(f"/v1/forms/{form}/submissions", json={**_filled(number, form), **others})
            assert answer.status_code == 202
            self._note(answer.get_json()["receipt"])
        decide_all(self.decider)

    def _note(self, receipt: str) -> None:
        self._received[receipt_hash(receipt).hex()] = self.clock()

    def choose(self, client: FlaskClient, act: str, *numbers: int) -> None:
        """People choose, for everything that waits behind their link: ``confirm``, ``replace`` or ``refuse``."""
        for number in numbers:
            path = f"/c/{confirmation_token(self.installation, _address(number))}"
            offered = OFFER.findall(client.get(path).get_data(as_text=True))
            choices = {name: value for name, value in offered if value.startswith(act)}
            assert choices, f"{number} cannot {act}"
            with deciding(self.decider):
                assert client.post(path, data={**choices, "action": "choose"}).status_code == 303

    def click(self, client: FlaskClient, action: str, *numbers: int) -> None:
        """People press a button on their own page: ``cancel`` or ``erase``."""
        for number in numbers:
            path = f"/r/{managing_token(self.installation, _address(number))}"
            with deciding(self.decider):
                assert client.post(path, data={"action": action}).status_code == 303

    def invite(self, client: FlaskClient) -> None:
        """A coordinator gives a colleague access, who gets a mail."""
        headers = {"Authorization": f"Bearer {self.installation.secrets.coordinator_key}"}
        colleague = {"name": "a colleague", "email": "colleague@example.org", "roles": ["coordinator"]}
        answer = client.post("/v1/access", json=colleague, headers=headers)
        assert answer.status_code == 201, answer.get_json()

    def read_sealed(self, client: FlaskClient) -> None:
        """A coordinator reads the sealed answers of the newest registration."""
        headers = {"Authorization": f"Bearer {self.installation.secrets.coordinator_key}"}
        ((newest,),) = rows(
            self.installation.urls["registration"],
            "SELECT r.id::text FROM registration r JOIN submission s ON s.id = r.submission "
            "WHERE encode(s.receipt_hash, 'hex') = %s",
            list(self._received)[-1],
        )
        path = f"/v1/registrations/{newest}/sealed"
        answer = client.post(path, json={"reason": "to arrange an interpreter"}, headers=headers)
        assert answer.status_code == 200, answer.get_json()

    def pass_time(self, step: timedelta) -> None:
        """The clock moves on, and registration does what is due by time."""
        self.clock.advance(step)
        receive_at(self.installation, self.clock)
        messages = RegistrationMessages(self._sealing_key, self._sealing_key)
        Tending(self.work("registration"), self.checked_clock, messages).tick()
        decide_all(self.decider)

    def change_the_event(self, step: str, **what: Any) -> None:
        """A coordinator changes the webinar."""
        wish = step_of(StepWish(name=step, **what))
        change_event(self.work("events"), self.clock, WEBINAR, wish, {ANY}, EventAction(step, "a coordinator"))

    def decline(self, number: int) -> None:
        """A coordinator declines what someone has proposed."""
        found = "SELECT id::text, revision FROM proposal WHERE title = %s"
        [(proposal, revision)] = rows(self.installation.urls["events"], found, f"Side event {number}")
        decision = ProposalDecision(
            SeenProposal(proposal, revision, "a coordinator"), ProposalStatus.DECLINED, "No room is left."
        )
        decide_proposal(self.work("events"), self.clock, events_keys(self.installation), decision)

    def write_bulletin(self) -> None:
        """A coordinator writes to everyone."""
        desk = open_desk(self.notifications, self._folder)
        assert send(desk, draft(desk)) == 200

    def deliver(self) -> None:
        """Every stored message reaches all its consumers, twice, as a broker may deliver it."""
        for service in SERVICES:
            with self.work(service).transaction() as connection:
                waiting = outbox.claim(connection, self.clock(), 10_000)
            self.deliver_stored(waiting)
            with self.work(service).transaction() as connection:
                outbox.mark_published(connection, [row.id for row in waiting], self.clock())

    def deliver_stored(self, stored: Sequence[outbox.OutboxRow]) -> None:
        """These messages reach all their consumers, twice."""
        messages = [decode(row.body) for row in stored if row.body]
        for message in messages * 2:
            for queue in BY_TYPE[message.type].consumers:
                (outcome,) = apply_batch(self.work(service_of(queue)), queue, [_checked(message)], self._effects[queue])
                assert outcome in ("done", "duplicate"), outcome

    def mail(self) -> None:
        """Every mail that is due is sent and reported."""
        self.notifications.schedule()
        with Relay({}) as relay:
            while self.notifications.sender(relay.port).run_once(Stop()):
                pass
            self.copies.update(str(message_from_bytes(mail)["Message-ID"]) for mail in relay.mails)
        self.deliver()


def _checked(message: Message) -> Message:
    return replace(message, data=registry.read(message))


def _address(number: int) -> str:
    return f"participant-{number}@example.org"


def _filled(number: int, form: str) -> dict[str, Any]:
    """The form of the webinar, or of another event, filled."""
    content = answers(number)
    if form == PROPOSAL:
        return proposal_answers(f"Side event {number}", name=content["name"], email=content["email"])
    if form != WEBINAR:
        content["access_needs"] = content.pop("questions")
    return content


def _propose(system: InProcessSystem, client: FlaskClient) -> None:
    """Four propose side events: one is changed, one declined, one withdrawn, one erased."""
    system.register(client, *range(30, 34), form=PROPOSAL)
    system.deliver()
    system.mail()
    system.choose(client, "confirm", *range(30, 34))
    system.deliver()
    system.mail()
    system.try_again(client, 30, form=PROPOSAL, attendance=40)
    system.deliver()
    system.mail()
    system.choose(client, "replace", 30)
    system.decline(31)
    system.click(client, "cancel", 32)
    system.click(client, "erase", 33)
    system.deliver()
    system.mail()


def a_populated_system(system: InProcessSystem, client: FlaskClient) -> None:
    """Ten days of everything; at rest afterwards, at about the present time."""
    system.open(client, seats=5)
    system.invite(client)
    system.register(client, *range(1, 9))
    system.deliver()
    system.mail()
    system.choose(client, "confirm", *range(1, 9))
    system.deliver()
    system.mail()
    system.try_again(client, 1, 8)
    system.register(client, *range(20, 25), form=PRESS)
    system.deliver()
    system.mail()
    system.choose(client, "confirm", 20, 21)
    _propose(system, client)
    system.click(client, "cancel", 1)
    system.set_seats(client, 6)
    system.set_seats(client, 3)
    system.click(client, "cancel", 20, 3)
    system.deliver()
    system.mail()
    system.pass_time(timedelta(hours=25))
    system.choose(client, "confirm", 22)
    system.try_again(client, 21, form=PRESS, access_needs="An interpreter", organisation="Another organisation")
    system.choose(client, "replace", 21)
    system.write_bulletin()
    system.mail()
    system.pass_time(timedelta(days=8))
    system.register(client, 25, form=PRESS)
    system.choose(client, "confirm", 25)
    system.read_sealed(client)
    system.register(client, 26, 28, form=PRESS)
    system.choose(client, "confirm", 26)
    system.choose(client, "refuse", 28)
    system.deliver()
    system.mail()
    system.register(client, 27, form=PRESS)
    system.click(client, "erase", 26)
    system.change_the_event("postpone")
    system.deliver()
    system.clock.advance(timedelta(minutes=30))
    system.mail()
