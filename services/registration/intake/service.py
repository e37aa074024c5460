"""Submit: one INSERT for any address: no timing side channel (timing attack); one row for each idempotency key.

The sender gets a receipt and a code, made with a key of the forms process. No query reads the address here, so
neither the response nor its timing reveals whether it is known. Nothing in this process can open what it has stored.

The receipt is an HMAC of form and idempotency key, and is unique: the same key and content get the first answer
again, and the same key with another content is refused.
"""

import base64
import hashlib
import hmac
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from services.registration.forms.model import COLUMNS
from services.registration.intake.desk_items import DeskCommand
from services.registration.intake.form_view import (
    FormView,
    QueuedSubmission,
    StoredReceipt,
    find_receipt,
    insert_submission,
)
from services.registration.intake.model import FormContent, content_to_json
from services.registration.sealing.encryption import seal_answers
from shared.db.unit_of_work import UnitOfWork
from shared.public_forms.definition import FormDefinition
from shared.public_forms.validation import Answers
from shared.runtime.errors import DomainError, Overloaded, Unavailable
from shared.runtime.failpoints import reach
from shared.runtime.logs import correlation_id, traceparent
from shared.security.sealing import seal_to
from shared.vocabulary.form_kinds import PROPOSAL

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Characters of codes: none is easily mistaken for another."""

CODE_LENGTH = 4
RECEIPT_BYTES = 20


def receipt_for(key: bytes, form: str, idempotency_key: str) -> str:
    """Return the receipt of a submission: the same for the same key on the same form, random without a key.

    Args:
        key: the secret key of the forms processes, 32 bytes.
        form: the slug of the form.
        idempotency_key: the key that the client sent; empty if it sent none.
    """
    if not idempotency_key:
        return _text(secrets.token_bytes(RECEIPT_BYTES))
    return _text(_mac(key, "receipt", f"{form}\0{idempotency_key}")[:RECEIPT_BYTES])


def receipt_hash(receipt: str) -> bytes:
    """Return the stored hash of a receipt, 32 bytes: a reader of the table cannot open the receipt's page."""
    return hashlib.sha256(f"receipt\0{receipt}".encode()).digest()


def code_for(key: bytes, receipt: str) -> str:
    """Return the code by which a sender recognises their own submission. No sender can choose it."""
    number = int.from_bytes(_mac(key, "code", receipt)[:8], "big")
    letters = []
    for _ in range(CODE_LENGTH):
        number, place = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[place])
    return "".join(letters)


def content_fingerprint(key: bytes, digest: bytes) -> bytes:
    """Return a keyed hash of a submission's content, 32 bytes.

    Args:
        key: the secret key of the forms processes, 32 bytes.
        digest: the SHA-256 of the canonical content.
    """
    return _mac(key, "fingerprint", digest.hex())


def network_hash(key: bytes, day: str, network: str) -> bytes:
    """Return the keyed hash of a client network on one day (ISO 8601), 32 bytes."""
    return _mac(key, f"client network {day}", network)


def _mac(key: bytes, purpose: str, text: str) -> bytes:
    return hmac.digest(key, f"{purpose}\0{text}".encode(), hashlib.sha256)


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode().lower()


log = logging.getLogger(__name__)

NO_KEY_RETRY_S = 60.0
"""Delay before a client may retry when a key is missing: an operator has to act."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is sent beside the answers.

    Attributes:
        partner: the slug of a partner that may show the form, or None.
        language: the language of the page, used unless an answer names another.
        idempotency_key: the key that the client sent; empty if it sent none.
        digest: the SHA-256 of the canonical content.
        network: the keyed hash of the client network, 32 bytes; None if it is not known.
        challenge: the id of the proof-of-work challenge that was solved; None without.
        token_hash: the hash of the confirmation link by which the owner of the address enters their answers; else None.
        entered_by: the coordinator whose command it is; else None.
    """

    partner: str | None
    language: str
    idempotency_key: str
    digest: bytes
    network: bytes | None = None
    challenge: bytes | None = None
    token_hash: bytes | None = None
    entered_by: str | None = None


@dataclass(frozen=True, slots=True)
class OwnChange:
    """A change of a person's answers by that person.

    Attributes:
        revision: the revision of the registration that was seen.
        details: whether the answers are those that are asked for after the confirmation.
        email: the address of the registration.
        language: the language of the registration.
        partner: the partner of the registration; None for none.
    """

    revision: int
    details: bool
    email: str
    language: str
    partner: str | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the sender gets: proof that the submission is stored, and the code by which they recognise it."""

    receipt: str
    code: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Intake:
    """Stores submissions and commands.

    Attributes:
        work: the unit of work on the service's database, for single statements.
        key: the secret key of receipts, codes and fingerprints, 32 bytes; it decrypts nothing.
    """

    work: UnitOfWork
    key: bytes = field(repr=False)

    def submit(self, view: FormView, answers: Answers, envelope: Envelope, now: datetime) -> Accepted:
        """Store a submission. It is durable when this returns.

        Args:
            view: the form.
            answers: the checked answers, without errors.
            envelope: what came with them.
            now: the time; it decides only whether the form is open, and so what response the sender gets.

        Raises:
            DomainError: ``form-closed`` with the reason; ``idempotency-mismatch``.
            Overloaded: undecided submissions use all the disk space that they may use.
            Unavailable: the database is down, or a key is missing; nothing was stored.
        """
        receipt = receipt_for(self.key, view.stored.slug, envelope.idempotency_key)
        if reason := view.refusal(now):
            if repeated := self._repeated(receipt, envelope):
                return repeated
            raise DomainError("form-closed", reason)
        content = _content(view, answers, envelope, receipt, seal=bool(answers.sealed))
        return self._store(view, receipt, content_to_json(content), envelope, "submission")

    def change(self, view: FormView, answers: Answers, own: OwnChange, token_hash: bytes) -> str:
        """Store a change of a person's answers by that person; returns the command's receipt.

        Args:
            view: the form, with the questions that were asked as its definition.
            answers: the checked answers, without errors; their sealed ones are encrypted to the form's key.
            own: what else the decider needs to know.
            token_hash: the hash of the managing link.

        Raises:
            Overloaded, Unavailable: see :meth:`submit`.
        """
        receipt = receipt_for(self.key, view.stored.slug, "")
        envelope = Envelope(own.partner, own.language, "", secrets.token_bytes(32), token_hash=token_hash)
        given = _content(
            view,
            replace(answers, values={**answers.values, "email": own.email}),
            envelope,
            receipt,
            seal=any(field.sealed for field in view.definition.fields),
        )
        values = {
            "given": content_to_json(given),
            "fields": [field.name for field in view.definition.fields if not field.sealed],
            "revision": own.revision,
            "details": own.details,
        }
        return self._store(view, receipt, values, envelope, "change").receipt

    def command(
        self,
        view: FormView,
        kind: str,
        values: Mapping[str, Any],
        token_hash: bytes,
        network: bytes | None = None,
    ) -> str:
        """Store a command by link; returns its receipt, by which its outcome is found.

        Args:
            view: the form that the command is about.
            kind: the kind of the command, see the table ``submission``.
            values: what the decider needs to know about it.
            token_hash: the hash of the link.
            network: the keyed hash of the client network, 32 bytes, for a command that causes mail to another address.
        """
        envelope = Envelope(None, "", "", secrets.token_bytes(32), network, token_hash=token_hash)
        receipt = receipt_for(self.key, view.stored.slug, "")
        caused = {**values, "cause": (correlation_id(), traceparent())}
        return self._store(view, receipt, caused, envelope, kind).receipt

    def submit_command(self, view: FormView, answers: Answers, act: DeskCommand) -> str:
        """Store a command of a coordinator; returns its receipt.

        Args:
            view: the form, with the questions that were asked as its definition.
            answers: the checked answers, with the address among their values; sealed ones are encrypted to the form's
                key.
            act: what is done, by whom.

        Raises:
            Overloaded, Unavailable: see :meth:`submit`.
        """
        receipt = receipt_for(self.key, view.stored.slug, "")
        envelope = Envelope(None, act.language, "", secrets.token_bytes(32), entered_by=act.by)
        given = _content(view, answers, envelope, receipt, seal=bool(answers.sealed))
        consent = {name: {**consent, "entered_by_coordinator": True} for name, consent in given.consent.items()}
        values = {**act.values, "given": content_to_json(replace(given, consent=consent))}
        return self._store(view, receipt, values, envelope, act.kind).receipt

    def request_list(self, view: FormView, email: str, language: str, network: bytes | None) -> None:
        """Store the request to mail the link to all registrations of an address to it; the same for every address.

        Args:
            view: any form: its keys and version are stored in the row.
            email: the address, checked as forms check addresses.
            language: the language of the mail.
            network: the keyed hash of the client network, 32 bytes; None if it is not known.

        Raises:
            Overloaded, Unavailable: see :meth:`submit`.
        """
        envelope = Envelope(None, language, "", secrets.token_bytes(32), network)
        receipt = receipt_for(self.key, view.stored.slug, "")
        self._store(view, receipt, {"email": email, "language": language}, envelope, "send-list")

    def receipt(self, receipt: str) -> StoredReceipt | None:
        """Return what is known of the submission with this receipt; None if there is none, or no more."""
        with self.work.single_statement() as connection:
            return find_receipt(connection, receipt_hash(receipt))

    def _store(self, view: FormView, receipt: str, content: dict[str, Any], envelope: Envelope, kind: str) -> Accepted:
        from_anyone = envelope.token_hash is None and envelope.entered_by is None
        if not (view.takes_submissions if from_anyone else view.takes_commands):
            raise Overloaded("undecided submissions use all the disk space that they may use")
        if view.decider_key is None:
            log.error("no decider has published a key: nothing can be accepted")
            raise Unavailable("no decider has published a key", NO_KEY_RETRY_S)
        queued = QueuedSubmission(
            receipt_hash=receipt_hash(receipt),
            form=view.stored.slug,
            form_revision=view.stored.revision,
            fingerprint=content_fingerprint(self.key, envelope.digest),
            code=code_for(self.key, receipt),
            decider_key=view.decider_key.id,
            body=seal_to(view.decider_key.public, content),
            network=envelope.network,
            challenge=envelope.challenge,
            kind=kind,
            token_hash=envelope.token_hash,
            entered_by=envelope.entered_by,
        )
        reach("intake.storing")
        with self.work.single_statement() as connection:
            stored = insert_submission(connection, queued)
        reach("intake.stored")
        if not stored:
            self._require_same(queued)
        return Accepted(receipt, queued.code, repeated=not stored)

    def _repeated(self, receipt: str, envelope: Envelope) -> Accepted | None:
        """Return the answer to a repetition: a submission that is stored is answered the same after the form closed."""
        if not envelope.idempotency_key:
            return None
        with self.work.single_statement() as connection:
            before = find_receipt(connection, receipt_hash(receipt))
        if before is None or before.fingerprint != content_fingerprint(self.key, envelope.digest):
            return None
        return Accepted(receipt, before.code, repeated=True)

    def _require_same(self, queued: QueuedSubmission) -> None:
        """The key was used before: for the same content it is a repetition, for another a mistake of the client."""
        with self.work.single_statement() as connection:
            before = find_receipt(connection, queued.receipt_hash)
        if before is not None and before.fingerprint != queued.fingerprint:
            raise DomainError("idempotency-mismatch", "this Idempotency-Key was used for another request")


def _content(view: FormView, answers: Answers, envelope: Envelope, receipt: str, *, seal: bool) -> FormContent:
    """Answers as the decider reads them; with ``seal`` every sealed question is encrypted, answered or not."""
    values, submission = answers.values, receipt_hash(receipt).hex()
    return FormContent(
        email=values["email"],
        language=str(values.get("language") or envelope.language),
        name=values.get("name"),
        organisation=values.get("organisation"),
        working_group=values.get("working_group"),
        representative=bool(values.get("representative")),
        country=values.get("country"),
        time_zone=values.get("time_zone"),
        partner=envelope.partner,
        answers={name: value for name, value in values.items() if name not in COLUMNS},
        sealed=_sealed(view, answers, submission) if seal else None,
        sealed_for=(submission,) if seal else (),
        consent=consent_shown(view.definition, values, envelope.language),
        cause=(correlation_id(), traceparent()),
        title=values.get("title") if view.stored.kind == PROPOSAL else None,
    )


def consent_shown(definition: FormDefinition, values: Mapping[str, Any], language: str) -> dict[str, dict[str, object]]:
    """Return wording, language and form version of each consent that was given, by field name."""
    return {
        field.name: {"wording": field.label.in_language(language), "language": language, "version": definition.version}
        for field in definition.consents
        if values.get(field.name)
    }


def _sealed(view: FormView, answers: Answers, submission: str) -> bytes:
    """The sealed answers, encrypted to the form's public key: neither this process nor the decider can read them."""
    if view.public_key is None:
        log.error("a form has no key for sealed answers", extra={"form": view.stored.slug})
        raise Unavailable("this form cannot keep sealed answers now", NO_KEY_RETRY_S)
    every = {field.name: answers.sealed.get(field.name) for field in view.definition.fields if field.sealed}
    return seal_answers(view.public_key, view.stored.slug, submission, every)
