"""The closed registry of mail kinds, and whether a mail that waits is outdated. Pure.

Messages arrive in any order and more than once. So a mail is compared with the newest known state of its subject, never
with the message that arrived last. A mail that is outdated is called off.
"""

from dataclasses import dataclass

TAKING_PLACE = ("tentative", "confirmed")


LANES = ("transactional", "verification", "reminder", "bulletin")
"""Most urgent first. The lane follows from the kind and from nothing else."""

PROPOSAL = "proposal"
"""The kind of form by which a side event is proposed."""

ATTENDING = ("webinar", "attendance", "delegation", PROPOSAL)
"""Kinds of form whose people take part in an event: the form's, or the side event that a proposal became. The first two
are for the event itself."""

SEATED = "confirmed"
"""The status of a registration that has a seat."""

LIVE = (SEATED, "waitlisted")
"""Statuses of a registration that stands, on a seat or for one."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Attributes:
    name: as in tables and messages.
    lane: one of ``LANES``.
    true_while: statuses of its subject (what ``about`` names) under which its words are true.
    resent: whether a second copy goes out when nobody knows if the first one did.
    numbered_apart: its number is not its subject's revision, so only the status tells whether it is true.
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
    """People wait for these and can live with a second copy, which mail programs fold by Message-ID anyway."""
    return Kind(name, "transactional", frozenset(true_while), resent=True)


def _numbered_apart(name: str, lane: str, *true_while: str) -> Kind:
    """About something else than the registration's own state; only what people must know is worth a second copy."""
    return Kind(name, lane, frozenset(true_while), resent=lane == "transactional", numbered_apart=True)


WANTED = "wanted"
"""The only status of a confirmation link; once its mail has ended nothing is kept of it."""

REGISTRATIONS = "registrations"
"""In place of a kind of form: the link leads to registrations, and nothing waits for confirmation."""

LEFT = "left"
"""The only status of a former address, of which nothing is kept either once its mail has ended."""

INVITATION, RECOVERY = "invitation", "recovery"
"""A colleague gets a link; in place of a kind of form: one who has signed in before gets a new one."""

BULLETIN_TEST = "bulletin-test"
"""A copy of a bulletin to the coordinator who writes it, and what it is about: an entry of its own, with its mail."""

MAILED_ONCE = ("confirmation", "former-address", INVITATION, BULLETIN_TEST)
"""Subjects with one message and one mail: their entry goes with the mail."""

SEAT_OFFERED = "seat-offered"
"""A seat is held for somebody who waits, until they accept it."""

RECEIVED = "proposal-received"
"""In place of a confirmation where the form is for proposals."""

ACCEPTED, SCHEDULED = "proposal-accepted", "proposal-scheduled"
DECISION_KINDS = (ACCEPTED, "proposal-returned", "proposal-declined", SCHEDULED)
"""What coordinators decided on a proposal, numbered by the revision of the review. A newer one voids older ones."""

REMOTE_POSSIBLE = "remote-possible"

NEWS_KINDS = (
    "event-rescheduled",
    "event-postponed",
    "event-cancelled",
    "event-revived",
    "event-confirmed",
    "event-changed",
    REMOTE_POSSIBLE,
)
"""What people are told when an event changes; the last one is for those on a form of the kind ``interest``."""

INFORMING_KINDS = ("confirmation", "waiting-list", "promotion", SCHEDULED)
"""After one of these, written from an event's state, a person knows that state and has it in mind as theirs."""

ALWAYS_SENT = ("event-postponed", "event-cancelled", REMOTE_POSSIBLE)
"""News that no confirmation stands for: a mail headed "you are registered" is no way to hear that nothing takes place,
and whoever asked about remote attendance is told of that in so many words."""

EVENT_STATE_KINDS = (*NEWS_KINDS, SCHEDULED)
"""They say what is so of an event: its newest state may make them untrue."""

ANNOUNCED_KINDS = (*NEWS_KINDS, "recording-available", "bulletin")
"""Made by announcements: one mail a person, by whichever of their registrations fits best."""

REMINDER_KINDS = ("reminder-7-days", "reminder-1-day", "reminder-1-hour")

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
        _numbered_apart("details", "reminder", "confirmed"),
        Kind("verification", "verification", frozenset({WANTED}), resent=True, about="confirmation"),
        Kind("address-changed", "transactional", frozenset({LEFT}), resent=True, about="former-address"),
        Kind("address-restored", "transactional", frozenset({LEFT}), resent=True, about="former-address"),
        Kind(INVITATION, "transactional", frozenset({WANTED}), resent=True, about=INVITATION),
        *(_numbered_apart(name, "transactional", "confirmed") for name in DECISION_KINDS),
        *(_numbered_apart(name, "transactional", *LIVE) for name in NEWS_KINDS),
        *(_numbered_apart(name, "reminder", "confirmed") for name in REMINDER_KINDS),
        _numbered_apart("recording-available", "bulletin", "confirmed"),
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
    "registration.details-requested.v1": "details",
    "registration.address-changed.v1": "address-changed",
    "invitation.created.v1": INVITATION,
    "proposal.accepted.v1": ACCEPTED,
    "proposal.returned.v1": "proposal-returned",
    "proposal.declined.v1": "proposal-declined",
    "proposal.scheduled.v1": SCHEDULED,
}
"""By routing key. A confirmation on a form for proposals is ``RECEIVED``."""

MANAGING_KINDS = (
    "confirmation",
    "waiting-list",
    "promotion",
    SEAT_OFFERED,
    "offer-ended",
    "cancelled-by-you",
    "changed",
    "link",
    "details",
    RECEIVED,
)
"""Caused by a message about the registration, whose managing link they carry."""

KINDS_ABOUT_EVENT = frozenset(
    name for name, kind in KINDS.items() if kind.about in ("registration", "former-address")
) - {"bulletin"}
"""Kinds that are about their subject's event, if it has one: they wait until that event was heard of."""


SUPERSEDED = "superseded by a newer state of what it is about"


@dataclass(frozen=True, slots=True)
class SubjectState:
    """What is known of a subject: its newest ``revision`` and the ``status`` it had then.

    ``erased``: nobody is on it any more. Nothing replaces that, and no mail is due. ``person_ref``: whose it is; None
    if that is not asked, or if it was erased. ``event``: that it is for, or that a proposal became. ``decision``: the
    revision of the newest decision on a proposal, 0 before the first.
    """

    revision: int
    status: str
    erased: bool = False
    person_ref: str | None = None
    event: str | None = None
    decision: int = 0


def is_current(known: SubjectState | None, revision: int) -> bool:
    """Whether a message about ``revision`` says at least what is known; None: the subject was not heard of."""
    return known is None or revision >= known.revision


def is_outdated(kind: str, revision: int, known: SubjectState) -> bool:
    """Whether a mail says what is no longer so.

    Args:
        kind: of the mail.
        revision: of the mail: its subject's that it is about, the decision's, or a number of its own, which has nothing
            to do with the subject's revision.
        known: of its subject, with the mail's own message taken in.
    """
    if kind in DECISION_KINDS and revision < known.decision:
        return True
    if not KINDS[kind].numbered_apart and revision >= known.revision:
        return False
    return kind in outdated_kinds(known)


def outdated_kinds(known: SubjectState) -> list[str]:
    """The kinds of older mails that a subject's standing makes untrue, sorted."""
    return sorted(name for name, kind in KINDS.items() if known.status not in kind.true_while)
