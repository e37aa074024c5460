"""Content of forms, and outcomes of submissions and commands. Values only."""

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class SubmissionOutcome(StrEnum):
    """Outcome of a submission, as the receipt shows it."""

    CHECK_YOUR_MAIL = "check-your-mail"
    CONFIRMED = "confirmed"
    WAITLISTED = "waitlisted"
    FULL = "full"
    OPTION_FULL = "option-full"
    CLOSED = "closed"


class Result(StrEnum):
    """What became of one candidate, or of a registration, that a command by link names."""

    CONFIRMED = "confirmed"
    WAITLISTED = "waitlisted"
    CHANGED = "changed"
    KEPT = "kept"
    DELETED = "deleted"
    FULL = "full"
    OPTION_FULL = "option-full"
    CLOSED = "closed"
    TOO_MANY = "too-many"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SEAT_ACCEPTED = "seat-accepted"
    SEAT_DECLINED = "seat-declined"
    OFFER_ENDED = "offer-ended"
    EVENT_OVER = "event-over"
    CHANGED_CONCURRENTLY = "edit-conflict"
    MAILED = "mailed"
    RENEWED = "renewed"
    VERIFIED = "verified"
    GONE = "gone"
    NAME_TAKEN = "name-taken"
    ERASED = "erased"
    ADDRESS_ASKED = "address-asked"
    ADDRESS_CHANGED = "address-changed"
    ADDRESS_RESTORED = "address-restored"
    ADDRESS_REFUSED = "address-refused"
    ADDRESS_GONE = "address-gone"
    ADDRESS_FULL = "address-full"
    REGISTERED_THERE = "registered-there"
    SAME_ADDRESS = "same-address"
    ASKED_TOO_OFTEN = "asked-too-often"
    BLOCKED = "blocked"
    MERGED = "merged"
    SEAT_LOST = "seat-lost"


class Act(StrEnum):
    """What the owner of an address can do with a candidate; the last two, with a change to their address."""

    CONFIRM = "confirm"
    REPLACE = "replace"
    KEEP = "keep"
    REFUSE = "refuse"
    USE_ADDRESS = "use-address"
    REFUSE_ADDRESS = "refuse-address"

    @property
    def is_about_address(self) -> bool:
        """Whether it concerns a change of address."""
        return self in (Act.USE_ADDRESS, Act.REFUSE_ADDRESS)


@dataclass(frozen=True, slots=True)
class Choice:
    """The owner's choice for one candidate or change of address.

    Attributes:
        candidate: the id of the candidate or of the change.
        registration: the id of the registration that the candidate replaces, where it replaces one.
        form: the form of the candidate, which the result names; if the candidate was deleted since then, the form
            that the page sent.
    """

    candidate: str
    act: Act
    registration: str | None = None
    form: str = ""


@dataclass(frozen=True, slots=True)
class ActResult:
    """What became of one candidate or registration that a command names, or of answers that were entered by a link.

    ``candidate`` and ``code`` are of the candidate, if it was about one; for a command of the desk ``candidate`` is the
    id of the registration.
    """

    candidate: str
    form: str
    code: str
    result: Result


def read_results(outcome: Any) -> tuple[ActResult, ...]:
    """Return the results in a stored ``outcome``; none while it is undecided, and none of a submission (a text)."""
    if not isinstance(outcome, list):
        return ()
    return tuple(ActResult(row["candidate"], row["form"], row["code"], Result(row["result"])) for row in outcome)


@dataclass(frozen=True, slots=True)
class FormContent:
    """Validated content of a form.

    Attributes:
        name: the name; None where the form asks for none.
        answers: the clear answers that have no separate field here.
        sealed: the answers encrypted to the form's key; None without any.
        sealed_for: the references of the submissions that the sealed answers are bound to.
        consent: the wording, language and form version of each consent that was shown, by field name.
        title: the title of a proposal, which is among the answers as well: one person may make several. None on other
            forms.
        cause: the correlation id and trace context of the request.
    """

    email: str
    language: str
    name: str | None = None
    organisation: str | None = None
    working_group: str | None = None
    representative: bool = False
    country: str | None = None
    time_zone: str | None = None
    partner: str | None = None
    answers: Mapping[str, object] = field(default_factory=dict)
    sealed: bytes | None = None
    sealed_for: tuple[str, ...] = ()
    consent: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    cause: tuple[str, str] = ("", "")
    title: str | None = None


CHANGEABLE = frozenset({"name", "organisation", "working_group", "representative", "country", "time_zone", "language"})
"""Parts of the content, beside ``answers``, that people change as answers; the address is not one of them."""


def with_answers(before: FormContent, given: FormContent, fields: Collection[str]) -> FormContent:
    """Return ``before`` with the answers of ``given`` to ``fields``, and only its sealed answers."""
    own = {name: getattr(given, name) for name in CHANGEABLE.intersection(fields)}
    kept = {name: value for name, value in before.answers.items() if name not in fields}
    return replace(
        before,
        **own,
        answers={**kept, **given.answers},
        sealed=given.sealed,
        sealed_for=given.sealed_for,
        cause=given.cause,
        title=given.title if "title" in fields else before.title,
    )


def changed_fields(before: FormContent, after: FormContent) -> tuple[str, ...]:
    """Return the names of the clear answers that differ, sorted."""
    own = {name for name in CHANGEABLE if getattr(before, name) != getattr(after, name)}
    others = {
        name
        for name in before.answers.keys() | after.answers.keys()
        if before.answers.get(name) != after.answers.get(name)
    }
    return tuple(sorted(own | others))


_NAMES = frozenset(FormContent.__slots__)


def content_to_json(content: FormContent) -> dict[str, Any]:
    """Return ``content`` as JSON values; what is sealed stays sealed, in base64."""
    values = {name: getattr(content, name) for name in FormContent.__slots__}
    values["sealed"] = None if content.sealed is None else base64.b64encode(content.sealed).decode()
    return {name: value for name, value in values.items() if value not in (None, {}, "", False, ())}


def content_from_json(values: Mapping[str, Any]) -> FormContent:
    """Return the content that :func:`content_to_json` gave.

    Raises:
        ValueError: it has other members, or members of other types.
    """
    if not isinstance(values.get("email"), str) or not isinstance(values.get("language"), str):
        raise ValueError("content: email and language are required")
    if unknown := set(values) - _NAMES:
        raise ValueError(f"content: unknown members {sorted(unknown)}")
    given = dict(values)
    sealed = given.pop("sealed", None)
    cause = given.pop("cause", ("", ""))
    bound_to = tuple(str(name) for name in given.pop("sealed_for", ()))
    content = FormContent(**given, cause=(str(cause[0]), str(cause[1])), sealed_for=bound_to)
    return content if sealed is None else replace(content, sealed=base64.b64decode(sealed, validate=True))


def without_cause(content: FormContent) -> dict[str, Any]:
    """Return the content for the table of candidates: everything except the request's ids and the sealed answers."""
    values = content_to_json(replace(content, sealed=None))
    values.pop("cause", None)
    return values
