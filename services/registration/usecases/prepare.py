"""Prepare: what somebody sent becomes a submission that can be stored, whatever seat it gets.

All that costs time and does not depend on the seat is done here, in the request's own thread: checking, hashing,
sealing. The write group then only decides and stores.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from services.registration.domain.intake import Proof, Submission
from services.registration.domain.opening import closed_reason
from services.registration.domain.registration import Registration
from services.registration.store.form_keys import FormKeys, KeyGone
from services.registration.usecases.look_up import FormView
from shared.core.context import correlation_id, traceparent
from shared.core.errors import DomainError, Unavailable
from shared.core.ids import new_id, new_token
from shared.core.links import OWN, VERIFY, link_hash
from shared.core.sealing import keyed_hash, seal_to
from shared.forms.addresses import address_key
from shared.forms.validation import Answers

log = logging.getLogger(__name__)

COLUMNS = frozenset(
    {"name", "email", "organisation", "working_group", "representative", "country", "time_zone", "language", "consent"}
)
"""Answers that have a column of their own; all others are stored together."""

KEY_AWAY_S = 60.0
"""How soon, at the earliest, somebody may try again whose answers could not be sealed: an operator has to act."""


@dataclass(frozen=True, slots=True)
class IntakeKeys:
    """Attributes:
    person_key: 32 bytes; turns an address into a ``person_ref``. It never leaves this service.
    notifications_key: public X25519 key (32 bytes): what only notifications may read is sealed to it.
    form_keys: for sealed answers.
    """

    person_key: bytes
    notifications_key: bytes
    form_keys: FormKeys


@dataclass(frozen=True, slots=True)
class Envelope:
    """What travels beside the answers.

    Attributes:
        partner: slug of a partner that may show the form, or None.
        language: of the page, used unless an answer names another.
        key: the idempotency key, or empty.
        fingerprint: of the whole request.
        messages: the sentence for the client, by each status it can be told.
        proof: of work; None if the form asks for none.
        joins: where no key was sent, an identical submission joins the first.
    """

    partner: str | None
    language: str
    key: str
    fingerprint: bytes
    messages: Mapping[str, str]
    proof: Proof | None = None
    joins: bool = False


def prepare(keys: IntakeKeys, view: FormView, answers: Answers, envelope: Envelope, now: datetime) -> Submission:
    """The submission for checked ``answers`` (they must have no errors).

    Raises:
        Unavailable: some of them are to be sealed, and the form has no key: nobody could ever read what was stored.
        DomainError: ``form-closed``, where that is so and the form is closed anyway.
    """
    values, tokens = answers.values, _tokens(view, envelope.proof)
    person = _person(keys, view, answers, envelope, seal_to(keys.notifications_key, _content(values, tokens)), now)
    return Submission(
        person=person,
        name=values.get("name"),
        email=values["email"],
        organisation=values.get("organisation"),
        time_zone=values.get("time_zone"),
        answers={name: value for name, value in values.items() if name not in COLUMNS},
        sealed=_sealed(keys.form_keys, view, person, answers.sealed) if answers.sealed else None,
        own_hash=link_hash(tokens["token"], OWN),
        key_hash=_key_hash(keys, person.form, envelope),
        joins=envelope.joins and not envelope.key,
        fingerprint=keyed_hash(keys.person_key, "fingerprint", envelope.fingerprint.hex()),
        bodies=receipts(person.id, envelope.messages),
        cause=(correlation_id(), traceparent()),
        verify_hash=link_hash(tokens["verify"], VERIFY) if "verify" in tokens else None,
        proof=envelope.proof,
    )


def _key_hash(keys: IntakeKeys, form: str, envelope: Envelope) -> bytes | None:
    """Of the key that was sent; of the content where there is none and it joins. No key can be taken for a content."""
    if not envelope.key and not envelope.joins:
        return None
    if envelope.key:
        return keyed_hash(keys.person_key, "idempotency", f"{form}\0{envelope.key}")
    content = f"{form}\0{envelope.language}\0{envelope.fingerprint.hex()}"
    return keyed_hash(keys.person_key, "idempotency of content", content)


def _tokens(view: FormView, proof: Proof | None) -> dict[str, str]:
    """Of the person's own link and, where the address is to be confirmed, of the link that does it, and that alone."""
    own = {"token": new_token()}
    unproven = proof is not None and proof.challenge is None
    return own | {"verify": new_token()} if unproven or view.stored.verification == "email" else own


def _sealed(keys: FormKeys, view: FormView, person: Registration, answers: Mapping[str, Any]) -> bytes:
    """Keys are destroyed when all is over, so a form without one is mostly closed: then nothing is out of order."""
    try:
        return keys.vault(person.form).close(answers, row=person.id)
    except KeyGone:
        if reason := closed_reason(view.stored.opening, person.accepted_at):
            raise DomainError("form-closed", reason) from None
        log.error("a form has no key for sealed answers", extra={"form": person.form})
        raise Unavailable("this form cannot keep sealed answers now", KEY_AWAY_S) from None


def _content(values: Mapping[str, Any], tokens: Mapping[str, str]) -> dict[str, Any]:
    """What only notifications may read."""
    return {
        "name": values.get("name"),
        "address": values["email"],
        "time_zone": values.get("time_zone"),
        **tokens,
    }


def _person(
    keys: IntakeKeys, view: FormView, answers: Answers, envelope: Envelope, box: bytes, now: datetime
) -> Registration:
    values = answers.values
    organisation = values.get("organisation")
    return Registration(
        id=new_id(),
        form=view.stored.slug,
        form_kind=view.stored.kind,
        event_id=view.stored.event_id,
        status="confirmed",
        position=None,
        revision=1,
        person_ref=person_ref(keys, values["email"]).hex(),
        working_group=values.get("working_group"),
        representative=bool(values.get("representative")),
        organisation_id=_organisation_id(keys.person_key, organisation) if organisation else None,
        country=values.get("country"),
        language=str(values.get("language") or envelope.language),
        partner=envelope.partner,
        box=box,
        accepted_at=now,
        attend=view.stored.attend,
    )


def person_ref(keys: IntakeKeys, address: str) -> bytes:
    """What stands for ``address`` outside of this service, 32 bytes."""
    return keyed_hash(keys.person_key, "person", address_key(address))


def receipts(identity: str, messages: Mapping[str, str]) -> dict[str, str]:
    """The answer to the client by status, as JSON. A duplicate gets the same: its ``id`` then belongs to nothing."""

    def body(status: str, message: str) -> str:
        return orjson.dumps({"id": identity, "status": status, "message": message}).decode()

    return {status: body(status, message) for status, message in messages.items()}


def _organisation_id(key: bytes, name: str) -> str:
    """A stable id for an organisation's name, however it is spaced and cased; keyed, so it cannot be guessed."""
    folded = " ".join(name.split()).casefold()
    return str(UUID(bytes=keyed_hash(key, "organisation", folded)[:16], version=5))
