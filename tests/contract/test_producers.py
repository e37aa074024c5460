"""What the services really publish: each producer makes exactly the fields of its type's frozen sample."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import cast

import pytest
from sqlalchemy import Connection

from services.events.event.model import Event, EventKind, EventStatus, Mode
from services.events.network.messages import (
    EVENT_KEYS,
    HOTEL_CHANGED,
    event_message,
    hotel_message,
    resource_message,
    working_group_message,
)
from services.events.network.model import Allotment, HotelBlock, Resource, ResourceKind, RoomKind, WorkingGroup
from services.events.side_events.model import Proposal, ProposalStatus
from services.events.side_events.reading import ProposalKeys
from services.events.side_events.service import DECISION_KEYS, sealed_decision
from services.notifications.mails.model import ClaimedMail, HandoverOutcome
from services.notifications.sending.service import KEY_OF_OUTCOME, outcome_message
from services.registration.access import store as access_messages
from services.registration.forms.messages import FORM_CHANGED, PARTNER_CHANGED, form_message, partner_message
from services.registration.forms.model import FormFacts
from services.registration.forms.service import Partner
from services.registration.people import messages as registration_messages
from services.registration.people.messages import Fact, RegistrationMessages, confirmation_wanted
from services.registration.people.model import Registration
from services.registration.people.store import Person
from services.registration.sealed_lists import approval_messages
from services.registration.sealing.service import Approval
from shared.i18n.languages import Text
from shared.messaging.contracts.registry import MESSAGE_TYPES, read
from shared.messaging.contracts.schemas import Message, decode, encode
from shared.runtime.ids import new_id
from shared.runtime.logs import caused_by
from shared.security.audit_log import AuditRecord, audit_message
from shared.security.sealing import new_key, public_key_of
from tests.contract.samples import sample
from tests.support.clock import WEBINAR_WEEK

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

EVENT = Event(
    id="upr-webinar-10",
    kind=EventKind.WEBINAR,
    title=Text.of("UPR Webinar Wednesday #10"),
    status=EventStatus.CONFIRMED,
    mode=Mode.ONLINE,
    time_zone="America/New_York",
    series="upr-webinar-wednesday",
    series_number=10,
    starts_at=WEBINAR_WEEK + timedelta(days=2),
    ends_at=WEBINAR_WEEK + timedelta(days=2, hours=1),
    asked_groups=("*",),
    internal_note="for coordinators alone",
)


def _registration() -> Registration:
    return Registration(
        id=new_id(),
        form="upr-webinar-10",
        form_kind="webinar",
        event_id="upr-webinar-10",
        status="waitlisted",
        position=3,
        revision=1,
        person_ref="ab" * 32,
        working_group="housing",
        representative=True,
        organisation_id=None,
        country="US",
        language="en",
        partner=None,
        accepted_at=WEBINAR_WEEK,
        offer_expires_at=WEBINAR_WEEK + timedelta(days=2),
    )


def _mail() -> ClaimedMail:
    return ClaimedMail(
        id=new_id(),
        kind="confirmation",
        subject=new_id(),
        revision=1,
        event="upr-webinar-10",
        message_id="<m@example.org>",
        fence=1,
        attempts=0,
        unknowns=0,
        lease_until=WEBINAR_WEEK,
        cause_at=WEBINAR_WEEK,
        created_at=WEBINAR_WEEK,
        correlation_id=new_id(),
    )


class StoredMessages:
    """Replaces a connection: keeps the bodies that would be in the outbox."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def execute(self, _statement: object, values: object) -> None:
        """See ``sqlalchemy.Connection``."""
        if isinstance(values, list):
            self.bodies += [row["body"] for row in values]


def _about_registration(key: str) -> Callable[[], Message]:
    def produced() -> Message:
        stored = StoredMessages()
        fact = Fact(key, _registration(), "A Participant", "a@example.org", "America/New_York")
        messages = RegistrationMessages(public_key_of(new_key()), public_key_of(new_key()))
        messages.add(cast(Connection, stored), [fact], WEBINAR_WEEK)
        (body,) = stored.bodies
        return decode(body)

    return produced


def _confirmation_wanted() -> Message:
    key = public_key_of(new_key())
    return confirmation_wanted(key, new_id(), "a-token", "a@example.org", "es", WEBINAR_WEEK, pending=True)


def _address_changed() -> Message:
    before = Person(
        _registration(),
        "A Participant",
        "a@example.org",
        None,
        "America/New_York",
        {},
        has_sealed=False,
        details_at=None,
    )
    key = public_key_of(new_key())
    return registration_messages.address_changed(
        key, before, new_id(), "a-token", WEBINAR_WEEK, WEBINAR_WEEK + timedelta(days=7)
    )


def _proposal(status: ProposalStatus) -> Proposal:
    return Proposal(
        id=new_id(),
        title="Housing as a right",
        summary="What was promised.",
        working_group="housing",
        organisation=None,
        language="en",
        attendance=30,
        speakers=(),
        person_ref="ab" * 32,
        submitted_at=WEBINAR_WEEK,
        status=status,
    )


def _decision(status: ProposalStatus) -> Message:
    event = "side-event-housing" if status is ProposalStatus.SCHEDULED else None
    keys = ProposalKeys(notifications_key=public_key_of(new_key()), registration_key=public_key_of(new_key()))
    return sealed_decision(keys, replace(_proposal(status), event_id=event), WEBINAR_WEEK)


def _proposed(key: str) -> Message:
    stored = StoredMessages()
    proposal = replace(_registration(), form_kind="proposal", event_id=None, status="confirmed", position=None)
    answers = {"title": "Housing as a right", "summary": "What was promised.", "attendance": 30}
    fact = Fact(key, proposal, "A Participant", "a@example.org", "America/New_York", answers=answers)
    messages = RegistrationMessages(public_key_of(new_key()), public_key_of(new_key()))
    messages.add(cast(Connection, stored), [fact], WEBINAR_WEEK)
    [_, body] = stored.bodies
    return decode(body)


FORM = FormFacts(
    id="review-press-conference",
    revision=2,
    kind="attendance",
    event="review-press-conference",
    title={"en": "Register for the press conference"},
    open=True,
    opens_at=None,
    closes_at=WEBINAR_WEEK,
    closes_hours_before=48,
    alarm_minutes=60,
)


def _access_changed() -> Message:
    state = {"holder_id": new_id(), "revision": 1, "name": "a coordinator", "roles": ["viewer"], "forms": None}
    state |= {"partner": None, "until": WEBINAR_WEEK, "key_hashes": [], "revoked": False, "occurred_at": WEBINAR_WEEK}
    return access_messages.access_message(state)


def _approval() -> Approval:
    asked = (new_id(), "destroy-key", "geneva-delegation", "a coordinator", "The review is over.")
    return Approval(*asked, filters={}, people=[], asked_at=WEBINAR_WEEK, expires_at=WEBINAR_WEEK)


def _invitation_created() -> Message:
    mail = access_messages.InvitationMail("invited", "colleague@example.org", "es", "a coordinator")
    link = "https://console.example.org/console/invitation/token"
    key = public_key_of(new_key())
    return access_messages.invitation_message(new_id(), mail, link, WEBINAR_WEEK, WEBINAR_WEEK, key)


HOTEL = HotelBlock(
    id="hotel-near-the-palais",
    name="Hotel near the Palais",
    city="Geneva",
    rooms=12,
    allotments=(Allotment(RoomKind.SINGLE, 12, date(2020, 5, 7), date(2020, 5, 11)),),
)

PRODUCERS: dict[str, Callable[[], Message]] = {
    EVENT_KEYS["published"]: lambda: event_message("published", EVENT, WEBINAR_WEEK),
    EVENT_KEYS["changed"]: lambda: event_message("changed", EVENT, WEBINAR_WEEK),
    "working-group.changed.v1": lambda: working_group_message(
        WorkingGroup(id="housing", title=Text.of("Housing")), WEBINAR_WEEK
    ),
    HOTEL_CHANGED: lambda: hotel_message(HOTEL, WEBINAR_WEEK),
    FORM_CHANGED: lambda: form_message(FORM, WEBINAR_WEEK),
    PARTNER_CHANGED: lambda: partner_message(
        Partner("example-partner", "Example Partner", (), "en", {}, ("https://www.example.org",)), WEBINAR_WEEK
    ),
    registration_messages.CONFIRMATION_WANTED: _confirmation_wanted,
    "resource.published.v1": lambda: resource_message(
        Resource(
            id="upr-webinar-10-recording",
            kind=ResourceKind.RECORDING,
            title=Text.of("Recording"),
            url="https://videos.example.org/upr-webinar-10",
            event="upr-webinar-10",
            published=True,
        ),
        WEBINAR_WEEK,
    ),
    **{
        key: _about_registration(key)
        for key in (
            registration_messages.CONFIRMED,
            registration_messages.WAITLISTED,
            registration_messages.PROMOTED,
            registration_messages.OFFERED,
            registration_messages.OFFER_ENDED,
            registration_messages.CANCELLED,
            registration_messages.CHANGED,
            registration_messages.LINK_REQUESTED,
            registration_messages.DETAILS_REQUESTED,
        )
    },
    registration_messages.TAGGED: lambda: registration_messages.tagged_message(new_id(), ["speaker"], 1, WEBINAR_WEEK),
    registration_messages.ADDRESS_CHANGED: _address_changed,
    access_messages.ACCESS_CHANGED: _access_changed,
    approval_messages.APPROVAL_CHANGED: lambda: approval_messages.approval_message(_approval(), WEBINAR_WEEK),
    **{
        f"{service}-audit.recorded.v1": partial(
            audit_message, service, AuditRecord("a coordinator", "event-postpone", "event", "upr-review"), WEBINAR_WEEK
        )
        for service in ("events", "notifications")
    },
    **{
        key: partial(access_messages.session_message, key, bytes(32), WEBINAR_WEEK)
        for key in (access_messages.SESSION_BEGUN, access_messages.SESSION_ENDED)
    },
    access_messages.INVITATION_CREATED: _invitation_created,
    registration_messages.ERASED: lambda: registration_messages.erased_message(_registration(), WEBINAR_WEEK),
    **{
        key: partial(outcome_message, HandoverOutcome(_mail(), result, WEBINAR_WEEK))
        for result, key in KEY_OF_OUTCOME.items()
    },
    **{key: partial(_decision, ProposalStatus(status)) for status, key in DECISION_KEYS.items()},
    **{key: partial(_proposed, cause) for cause, key in registration_messages.PROPOSAL_MESSAGES.items()},
}


def test_every_type_has_a_producer() -> None:
    assert sorted(PRODUCERS) == sorted(entry.key for entry in MESSAGE_TYPES)


@pytest.mark.parametrize("key", sorted(PRODUCERS))
def test_producer_makes_the_fields_of_the_sample(key: str) -> None:
    with caused_by("a-cause-of-some-request", TRACE):
        made = json.loads(encode(PRODUCERS[key]()))
    frozen = sample(key)
    assert set(made) == set(frozen)
    assert set(made["data"]) == set(frozen["data"])
    assert {name: made[name] for name in ("specversion", "type", "source", "datacontenttype")} == {
        name: frozen[name] for name in ("specversion", "type", "source", "datacontenttype")
    }


@pytest.mark.parametrize("key", sorted(PRODUCERS))
def test_produced_message_is_read_back(key: str) -> None:
    message = PRODUCERS[key]()
    assert read(decode(encode(message))).keys() == message.data.keys()
