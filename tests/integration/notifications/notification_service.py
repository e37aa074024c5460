"""The notifications service without processes: messages go in through the inbox, senders run explicitly."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from services.notifications.consumers import COPIES, MAIL, effects
from services.notifications.recipients.service import (
    carry_out_requests,
    make_unsubscribe_token,
    request_unsubscribing,
)
from services.notifications.rules.registrations import NotificationsContext
from services.notifications.scheduler import Scheduler
from services.notifications.sending.composer import Composer
from services.notifications.sending.sender import Sender, SendingContext
from services.notifications.sending.smtp import SmtpTransport
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts import registry
from shared.messaging.contracts import registry as reading
from shared.messaging.contracts.schemas import TYPE_PREFIX, Message, decode
from shared.messaging.inbox import Effect, HandlingOutcome, apply_batch
from shared.runtime.clock import rfc3339
from shared.runtime.ids import new_id
from shared.security.sealing import Vault, new_key, public_key_of, seal_to
from tests.support.clock import FrozenClock, agreeing
from tests.support.smtp_relay import QUICK

EVENT = "upr-webinar-10"
ADDRESS = "participant@example.org"
PERSON = "ab" * 32
STATUS = {
    "confirmed": "confirmed",
    "waitlisted": "waitlisted",
    "promoted": "confirmed",
    "offered": "waitlisted",
    "offer-ended": "waitlisted",
    "cancelled": "cancelled",
    "changed": "confirmed",
    "link-requested": "confirmed",
    "details-requested": "confirmed",
}
"""The status in a message, unless a test gives another."""


@dataclass(frozen=True, slots=True)
class NotificationService:
    """One database with its keys and its clock."""

    engine: Engine
    clock: FrozenClock
    private_key: bytes
    vault: Vault
    vault_key: bytes
    links_key: bytes = field(default_factory=new_key)
    logins: Mapping[str, Engine] = field(default_factory=dict)

    @property
    def links(self) -> Vault:
        """What encrypts unsubscribe links."""
        return Vault([self.links_key])

    @property
    def work(self) -> UnitOfWork:
        """A unit of work on the database, to arrange data."""
        return UnitOfWork(self.engine, "notifications")

    def work_of(self, process: str) -> UnitOfWork:
        """A unit of work on the database for one kind of process, by its own login where there are logins."""
        return UnitOfWork(self.logins.get(process, self.engine), "notifications")

    @property
    def checked_clock(self) -> CheckedClock:
        """The clock of a sender, with which the database's agrees."""
        return agreeing(self.clock, self.work_of("send"))

    @property
    def effects(self) -> Mapping[str, Effect]:
        """What the service does with messages."""
        return effects(NotificationsContext(self.clock, (self.private_key,), self.vault, "example.org"))

    def consume(self, *messages: Message, queue: str = MAIL) -> list[HandlingOutcome]:
        """Give checked messages to the service, as its consumer does."""
        checked = [self.checked(message) for message in messages]
        return apply_batch(self.work_of("consume"), queue, checked, self.effects[queue])

    @staticmethod
    def checked(message: Message) -> Message:
        """A message as the consumer has read it."""
        return replace(message, data=reading.read(message))

    def consume_event(self, **changes: Any) -> list[HandlingOutcome]:
        """Consume the event, published by the events service."""
        return self.consume(event_message(**changes), queue=COPIES)

    def consume_resource(self, **changes: Any) -> list[HandlingOutcome]:
        """Consume a recording of the event, published by the events service."""
        return self.consume(resource_message(**changes), queue=COPIES)

    def consume_group(self, **changes: Any) -> list[HandlingOutcome]:
        """Consume a working group, published by the events service."""
        data: dict[str, Any] = {"id": "housing", "title": "Housing", "revision": 1} | changes
        message = _message("working-group.changed.v1", "events", data["id"], FrozenClock()(), data)
        return self.consume(message, queue=COPIES)

    def consume_partner(self, **changes: Any) -> list[HandlingOutcome]:
        """Consume a partner, published by the registration service."""
        partner: dict[str, Any] = {"slug": "a-partner", "name": "A Partner", "revision": 1, "waiting_origins": 0}
        data = {**partner, **changes, "occurred_at": rfc3339(FrozenClock()())}
        return self.consume(
            _message("partner.changed.v1", "registration", data["slug"], FrozenClock()(), data), queue=COPIES
        )

    def consume_tags(self, registration_id: str, tags: Sequence[str], revision: int) -> list[HandlingOutcome]:
        """Tags that coordinators have put on a registration."""
        occurred_at = rfc3339(FrozenClock()())
        data = {
            "registration_id": registration_id,
            "tags": list(tags),
            "revision": revision,
            "occurred_at": occurred_at,
        }
        return self.consume(
            _message("registration.tagged.v1", "registration", registration_id, FrozenClock()(), data), queue=COPIES
        )

    def proposal_message(self, key: str, proposal_id: str, revision: int = 1, **changes: Any) -> Message:
        """A message of the registration service about a proposal, whose address is verified."""
        sealed = {"title": "Housing"} | changes.pop("sealed", {})
        proposed = {"form": "side-event-proposal", "form_kind": "proposal", "event": None, "verified": True}
        return self.registration_message(key, proposal_id, revision, **proposed | changes, sealed=sealed)

    def decision(
        self, verb: str, proposal_id: str, revision: int = 2, event: str | None = None, note: str = "A note"
    ) -> Message:
        """A message of the events service that coordinators decided on a proposal."""
        box = seal_to(public_key_of(self.private_key), {"note": note})
        data: dict[str, Any] = {
            "proposal_id": proposal_id,
            "revision": revision,
            "answers_revision": 1,
            "status": verb,
            "event": event,
            "occurred_at": rfc3339(self.clock()),
            "note": "for registration",
            "sealed": base64.b64encode(box).decode(),
        }
        return _message(f"proposal.{verb}.v1", "events", proposal_id, self.clock(), data)

    def registration_message(self, key: str, registration_id: str, revision: int = 1, **changes: Any) -> Message:
        """A message of the registration service that this service can open."""
        sealed = {"name": "A participant", "address": ADDRESS, "token": "a-token", "time_zone": "Africa/Nairobi"}
        sealed |= {"title": "", "view": "a-view", "join": "a-join"} | changes.pop("sealed", {})
        box = seal_to(public_key_of(self.private_key), sealed)
        data: dict[str, Any] = {
            "registration_id": registration_id,
            "revision": revision,
            "form": EVENT,
            "form_kind": "webinar",
            "event": EVENT,
            "status": STATUS[key],
            "position": 3 if key == "waitlisted" else None,
            "language": "en",
            "person_ref": PERSON,
            "occurred_at": rfc3339(self.clock()),
            "sealed": base64.b64encode(box).decode(),
        } | changes
        if key == "offered":
            data.setdefault("offer_expires_at", rfc3339(self.clock() + timedelta(days=2)))
        return _message(f"registration.{key}.v1", "registration", registration_id, self.clock(), data)

    def wanted(self, link_id: str, address: str = ADDRESS, token: str = "c-token", language: str = "en") -> Message:
        """A message of the registration service that something waits behind a confirmation link."""
        box = seal_to(public_key_of(self.private_key), {"address": address, "token": token})
        data = {
            "link_id": link_id,
            "pending": True,
            "language": language,
            "occurred_at": rfc3339(self.clock()),
            "sealed": base64.b64encode(box).decode(),
        }
        return _message("confirmation.wanted.v1", "registration", link_id, self.clock(), data)

    def address_changed_message(self, former: str, address: str = ADDRESS, **changes: Any) -> Message:
        """A message of the registration service that a registration no longer has this address."""
        sealed = {"name": "A participant", "address": address, "token": "u-token", "time_zone": "Africa/Nairobi"}
        data: dict[str, Any] = {
            "former_address_id": former,
            "form_kind": "webinar",
            "event": EVENT,
            "language": "en",
            "verified": True,
            "undo_until": rfc3339(self.clock() + timedelta(days=7)),
            "occurred_at": rfc3339(self.clock()),
            "sealed": base64.b64encode(seal_to(public_key_of(self.private_key), sealed)).decode(),
        } | changes
        return _message("registration.address-changed.v1", "registration", former, self.clock(), data)

    def erased_message(self, registration_id: str, revision: int, *former: str) -> Message:
        """A message of the registration service that a registered person is erased, with former addresses."""
        data: dict[str, Any] = {
            "registration_id": registration_id,
            "revision": revision,
            "form": EVENT,
            "form_kind": "webinar",
            "event": EVENT,
            "status": "cancelled",
            "occurred_at": rfc3339(self.clock()),
            "former_addresses": list(former),
        }
        return _message("person.erased.v1", "registration", registration_id, self.clock(), data)

    def queue_mails(self, count: int) -> None:
        """Queue ``count`` confirmations, each of another registration."""
        self.consume(*(self.registration_message("confirmed", new_id(), person_ref=f"{n:064x}") for n in range(count)))

    def tools(self, port: int, **changes: Any) -> SendingContext:
        """What a sender to the relay on ``port`` works with; ``changes`` to it."""
        composer = Composer(
            self.vault, self.links, "https://register.example.org", "upr@example.org", "UPR", self.checked_clock
        )
        transport = SmtpTransport(f"smtp://127.0.0.1:{port}", QUICK)
        return replace(SendingContext(self.work_of("send"), self.checked_clock, transport, composer), **changes)

    def sender(self, port: int, **changes: Any) -> Sender:
        """A sender to the relay on ``port``."""
        return Sender(self.tools(port, **changes))

    def leave(self, person_ref: str) -> None:
        """A person uses the link of a bulletin, and a sender carries it out."""
        token = make_unsubscribe_token(self.links, person_ref, "en", self.clock())
        request_unsubscribing(self.work_of("public"), self.clock, token)
        assert self.carry_out() == 1

    def carry_out(self) -> int:
        """Carry out what was asked for by links, as a sender does first; returns how many requests there were."""
        return carry_out_requests(self.work_of("send"), (self.links, self.vault))

    def schedule(self) -> None:
        """Run the scheduler until nothing is left to do."""
        work = self.work_of("schedule")
        scheduler = Scheduler(work, agreeing(self.clock, work), "example.org")
        while scheduler.run_once():
            pass

    def mails(self) -> list[dict[str, Any]]:
        """All rows of mails, in order of their making."""
        return self.rows("SELECT *, id::text AS id FROM mail ORDER BY mail.number")

    def states(self) -> dict[str, str]:
        """State by kind, where there is one mail a kind."""
        return {mail["kind"]: mail["state"] for mail in self.mails()}

    def mail(self) -> dict[str, Any]:
        """The only mail."""
        (row,) = self.mails()
        return row

    def attempts(self) -> list[tuple[int, str, str | None]]:
        """Number, phase and outcome of all attempts."""
        rows = self.rows("""SELECT a.number, a.phase, a.outcome FROM mail_attempt a JOIN mail m ON m.id = a.mail_id
            ORDER BY m.number, a.number""")
        return [(row["number"], row["phase"], row["outcome"]) for row in rows]

    def reported_sent(self) -> list[str]:
        """Ids of the mails that ``mail.sent`` was stored for."""
        return [str(message.data["mail_id"]) for message in self.published("mail.sent.v1")]

    def published(self, key: str) -> list[Message]:
        """The messages of a type that were stored, in order."""
        rows = self.rows(f"SELECT body FROM outbox WHERE type = '{TYPE_PREFIX}{key}' ORDER BY id")
        return [decode(bytes(row["body"])) for row in rows]

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What ``query`` gives."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(query)).mappings()]

    def pass_time(self, **step: float) -> datetime:
        """Move the clock on."""
        return self.clock.advance(timedelta(**step))


def make_notification_service(
    engine: Engine, clock: FrozenClock, logins: Mapping[str, Engine] | None = None
) -> NotificationService:
    """A service with new keys; ``logins``: connections by kind of process."""
    vault_key = new_key()
    return NotificationService(engine, clock, new_key(), Vault([vault_key]), vault_key, logins=logins or {})


def event_message(**changes: Any) -> Message:
    """The reference scenario's webinar as a message."""
    data: dict[str, Any] = {
        "id": EVENT,
        "kind": "webinar",
        "series": "upr-webinar-wednesday",
        "series_number": 10,
        "title": "UPR Webinar Wednesday #10",
        "summary": "Advocacy with embassies and missions.",
        "starts_at": "2020-03-04T19:00:00Z",
        "ends_at": "2020-03-04T20:30:00Z",
        "time_zone": "America/New_York",
        "status": "confirmed",
        "mode": "online",
        "city": None,
        "place": None,
        "join_url": "https://meet.example.org/10",
        "asked_groups": ["*"],
        "revision": 1,
    } | changes
    now = FrozenClock()()
    return _message("event.changed.v1", "events", data["id"], now, data)


def form_message(form: str, revision: int, alarm_minutes: int | None) -> Message:
    """A form for the review as a message."""
    data: dict[str, Any] = {
        "id": form,
        "revision": revision,
        "kind": "attendance",
        "event": "upr-review",
        "title": {"en": "A form"},
        "open": True,
        "closes_hours_before": 0,
        "alarm_minutes": alarm_minutes,
    }
    return _message("form.changed.v1", "registration", form, FrozenClock()(), data)


def resource_message(**changes: Any) -> Message:
    """The recording of the webinar as a message."""
    data: dict[str, Any] = {
        "id": "upr-webinar-10-recording",
        "revision": 1,
        "kind": "recording",
        "title": "Recording",
        "url": "https://videos.example.org/upr-webinar-10",
        "language": "en",
        "event": EVENT,
        "series": "upr-webinar-wednesday",
        "city": None,
        "published": True,
    } | changes
    return _message("resource.published.v1", "events", data["id"], FrozenClock()(), data)


def outcome_kinds(outcomes: Sequence[HandlingOutcome]) -> list[str]:
    """Outcomes as words: errors by their type."""
    return [outcome if isinstance(outcome, str) else type(outcome).__name__ for outcome in outcomes]


def _message(key: str, service: str, subject: str, at: datetime, data: Mapping[str, Any]) -> Message:
    return Message(
        id=new_id(),
        type=TYPE_PREFIX + key,
        source=registry.source_of(service),
        subject=subject,
        time=at,
        data=data,
        correlation_id="a-correlation",
    )
