"""The closed registry of mail kinds, and whether a mail that waits is outdated. Pure.

Messages arrive in any order and more than once. So a mail is compared with the newest known state of its subject, never
with the message that arrived last. A mail that is outdated is cancelled.
"""

from dataclasses import dataclass

from shared.calendar.event_news import NEWS_KINDS, REMOTE_POSSIBLE

TAKING_PLACE = ("tentative", "confirmed")


LANES = ("transactional", "verification", "reminder", "bulletin")
"""Most urgent first. The lane follows from the kind and from nothing else."""

SEATED = "confirmed"
"""The status of a registration that has a seat."""

LIVE = (SEATED, "waitlisted")
"""Statuses of a registration with a seat or on the waiting list."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Attributes:
    name: as in tables and messages.
    lane: one of ``LANES``.
    true_while: statuses of its subject (see ``about``) in which its text is true.
    resent: whether a second copy is sent after an unknown outcome.
    numbered_apart: its number is not the revision of its subject, so only the status decides whether it is outdated.
    about: what its subject is: ``registration``, ``confirmation`` (the link of a verification mail),
        ``former-address`` (that a registration had), ``invitation`` (of a colleague) or ``bulletin-test``.
    """

    name: str
    lane: str
    true_while: frozenset[str]
    resent: bool
    numbered_apart: bool = False
    about: str = "registration"


def _transactional(name: str, *true_while: str) -> Kind:
    """People wait for these mails and can accept a second copy, which mail programs merge by Message-ID."""
    return Kind(name, "transactional", frozenset(true_while), resent=True)


def _numbered_apart(name: str, lane: str, *true_while: str) -> Kind:
    """Not about the state of the registration itself. Only transactional mails are worth a second copy."""
    return Kind(name, lane, frozenset(true_while), resent=lane == "transactional", numbered_apart=True)


WANTED = "wanted"
"""The only status of a confirmation link. Its recipient is deleted when its mail has ended."""

REGISTRATIONS = "registrations"
"""Replaces the kind of form: the link leads to registrations, and nothing waits for confirmation."""

LEFT = "left"
"""The only status of a former address. Its recipient is deleted when its mail has ended."""

INVITATION, RECOVERY = "invitation", "recovery"
"""A colleague gets a link. ``RECOVERY`` replaces the kind of form for a colleague who has signed in before."""

BULLETIN_TEST = "bulletin-test"
"""A copy of a bulletin to its author; also its subject, a recipient that is deleted with the mail."""

MAILED_ONCE = ("confirmation", "former-address", INVITATION, BULLETIN_TEST)
"""Subjects with one message and one mail: the recipient is deleted with the mail."""

SEAT_OFFERED = "seat-offered"
"""A seat is held for a person on the waiting list, until they accept it."""

RECEIVED = "proposal-received"
"""Replaces the confirmation on forms for proposals."""

ACCEPTED, SCHEDULED = "proposal-accepted", "proposal-scheduled"
DECISION_KINDS = (ACCEPTED, "proposal-returned", "proposal-declined", SCHEDULED)
"""Decisions on a proposal, numbered by the revision of the review. A newer one supersedes older ones."""

INFORMING_KINDS = ("confirmation", "waiting-list", "promotion", SCHEDULED)
"""Mails that report the state of an event to a person."""

ALWAYS_SENT = ("event-postponed", "event-cancelled", REMOTE_POSSIBLE)
"""News that no confirmation replaces: a mail with the heading "you are registered" does not state that nothing takes
place, and people who asked about remote attendance get an explicit answer."""

EVENT_STATE_KINDS = (*NEWS_KINDS, SCHEDULED)
"""Mails about the state of an event: a newer state can make them outdated."""

RECORDING = "recording-available"

ANNOUNCED_KINDS = (*NEWS_KINDS, RECORDING, "bulletin")
"""Kinds of announcements: one mail for each person, by the registration that fits best."""

REMINDER_KINDS = ("reminder-7-days", "reminder-1-day", "reminder-1-hour")
"""Reminders of a date, numbered by its minute."""

DETAILS = "details"
"""Requests the details that a form asks for after the confirmation; it does not depend on the date of the event."""

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        _transactional("confirmation", "confirmed"),
        _transactional("waiting-list", "waitlisted"),
        _transactional("promotion", "confirmed"),
        _transactional(SEAT_OFFERED, "waitlisted"),
        _transactional("offer-ended", "waitlisted"),
        _transactional("cancelled-by-you", "cancelled"),
        _transactional("changed", *LIVE),
        _transactional(RECEIVED, "confirmed"),
        _numbered_apart("link", "transactional", *LIVE),
        _numbered_apart(DETAILS, "reminder", "confirmed"),
        Kind("verification", "verification", frozenset({WANTED}), resent=True, about="confirmation"),
        Kind("address-changed", "transactional", frozenset({LEFT}), resent=True, about="former-address"),
        Kind("address-restored", "transactional", frozenset({LEFT}), resent=True, about="former-address"),
        Kind(INVITATION, "transactional", frozenset({WANTED}), resent=True, about=INVITATION),
        *(_numbered_apart(name, "transactional", "confirmed") for name in DECISION_KINDS),
        *(_numbered_apart(name, "transactional", *LIVE) for name in NEWS_KINDS),
        *(_numbered_apart(name, "reminder", "confirmed") for name in REMINDER_KINDS),
        _numbered_apart(RECORDING, "bulletin", "confirmed"),
        _numbered_apart("bulletin", "bulletin", *LIVE),
        Kind(BULLETIN_TEST, "transactional", frozenset({WANTED}), resent=True, about=BULLETIN_TEST),
    )
}

NUMBERED_APART = tuple(sorted(name for name, kind in KINDS.items() if kind.numbered_apart))

KIND_OF_MESSAGE: dict[str, str] = {
    "confirmation.wanted.v1": "verification",
    "registration.confirmed.v1": "confirmation",
    "registration.waitlisted.v1": "waiting-list",
    "registration.promoted.v1": "promotion",
    "registration.offered.v1": SEAT_OFFERED,
    "registration.offer-ended.v1": "offer-ended",
    "registration.cancelled.v1": "cancelled-by-you",
    "registration.changed.v1": "changed",
    "registration.link-requested.v1": "link",
    "registration.details-requested.v1": DETAILS,
    "registration.address-changed.v1": "address-changed",
    "invitation.created.v1": INVITATION,
    "proposal.accepted.v1": ACCEPTED,
    "proposal.returned.v1": "proposal-returned",
    "proposal.declined.v1": "proposal-declined",
    "proposal.scheduled.v1": SCHEDULED,
}
"""Kind by routing key. A confirmation on a form for proposals is ``RECEIVED``."""

MANAGING_KINDS = (
    "confirmation",
    "waiting-list",
    "promotion",
    SEAT_OFFERED,
    "offer-ended",
    "cancelled-by-you",
    "changed",
    "link",
    DETAILS,
    RECEIVED,
)
"""Kinds that are caused by a message about the registration and contain its managing link."""

LAPSING_KINDS = ("confirmation", RECEIVED, "waiting-list", "promotion", "link")
"""Kinds that state until when their recipient has to use a link, if the registration lapses otherwise."""

KINDS_ABOUT_EVENT = frozenset(
    name for name, kind in KINDS.items() if kind.about in ("registration", "former-address")
) - {"bulletin"}
"""Kinds about the event of their subject, if it has one: they wait until the event is known."""


SUPERSEDED = "superseded by a newer state of its subject"


@dataclass(frozen=True, slots=True)
class SubjectState:
    """The newest known state of a subject: its ``revision`` and ``status``.

    ``erased``: the person was erased; this state is final, and no mail is due. ``person_ref``: reference of the person;
    None if not queried or erased. ``event``: of the form, or the one that a proposal became. ``decision``: the revision
    of the newest decision on a proposal, 0 before the first.
    """

    revision: int
    status: str
    erased: bool = False
    person_ref: str | None = None
    event: str | None = None
    decision: int = 0


def is_current(known: SubjectState | None, revision: int) -> bool:
    """Whether ``revision`` is at least the known one; ``known`` is None for an unknown subject."""
    return known is None or revision >= known.revision


def is_outdated(kind: str, revision: int, known: SubjectState) -> bool:
    """Whether the content of a mail is outdated.

    Args:
        kind: of the mail.
        revision: of the mail: the revision of its subject or of the decision, or a number that is independent of the
            subject's revision.
        known: state of its subject, after the mail's own message.
    """
    if kind in DECISION_KINDS and revision < known.decision:
        return True
    if not KINDS[kind].numbered_apart and revision >= known.revision:
        return False
    return kind in outdated_kinds(known)


def outdated_kinds(known: SubjectState) -> list[str]:
    """Return the kinds of older mails that this state makes outdated, sorted."""
    return sorted(name for name, kind in KINDS.items() if known.status not in kind.true_while)
