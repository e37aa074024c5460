"""The closed registry of mail kinds, and whether a mail that waits is outdated. Pure.

A kind states everything that depends on it; what other modules need of several kinds are sets made from the registry.
Messages arrive in any order and more than once. So a mail is compared with the newest known state of its subject, never
with the message that arrived last. A mail that is outdated is cancelled.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from shared.calendar.event_news import REMOTE_POSSIBLE
from shared.vocabulary.form_kinds import FORM_KINDS, PROPOSAL
from shared.vocabulary.promotion import PROMOTION_MODES

TAKING_PLACE = ("tentative", "confirmed")


LANES = ("transactional", "verification", "reminder", "bulletin")
"""Most urgent first. The lane follows from the kind and from nothing else."""

SEATED = "confirmed"
"""The status of a registration that has a seat."""

LIVE = (SEATED, "waitlisted")
"""Statuses of a registration with a seat or on the waiting list."""

CalendarMethod = Literal["REQUEST", "CANCEL"]
"""Method of a calendar part (RFC 5546, section 1.4)."""


@dataclass(frozen=True, slots=True)
class MailKind:
    """Attributes:
    name: the name in tables and messages.
    lane: one of ``LANES``.
    about: what its subject is: ``registration``, ``confirmation`` (the link of a verification mail),
        ``former-address`` (that a registration had), ``invitation`` (of a colleague) or ``bulletin-test``.
    message: routing key of the message that causes it; empty for what an announcement or a time causes.
    true_while: statuses of its subject in which its text is true.
    numbered: the source of the mail's revision: the ``revision`` of its subject, that of a ``decision`` about it, a
        ``request`` for it, or ``apart``, as for a bulletin or a date. Without a revision only the status decides
        whether it is outdated.
    resent: whether a second copy is sent after an unknown outcome.
    managing: it contains the managing link of its registration, and ends when the links are renewed.
    announced: one mail for each person, by the registration that fits best.
    about_event: it is about the event of its subject, if there is one, and waits until the event is known.
    of_event_state: a newer state of its event can make it untrue.
    informs: it reports the state of its event, so that older news need not be sent to the same person.
    replaceable: such a report takes its place. A mail with the heading "you are registered" does not state that nothing
        takes place, and people who asked about remote attendance get an explicit answer: those news are not.
    too_late: when it is no longer sent again: from the ``start`` or the ``end`` of its event, or ``never``.
    calendar: method of its calendar part; None without one.
    entry: what it does to an entry that is in the calendar: ``attached``, ``updated`` or ``moved``.
    meeting: whom it gives the link to the meeting: those who are ``seated``, ``everyone``, or ``none``.
    leads_to: where its link leads: the ``own`` page, to what waits for ``confirmation``, to the ``undo`` of a change of
        address, to the ``invitation``, or ``nowhere``.
    link_words: the wording's name for its link; empty for the general one.
    until_field: the field of its message with the time until which its link is valid, or has to be used; empty without
        one.
    until_words: the wording's name for the sentence with that time.
    variants: kinds of form, purposes or promotion modes for which its subject, heading or text differ.
    """

    name: str
    lane: str
    about: str
    message: str
    true_while: frozenset[str]
    numbered: Literal["revision", "decision", "request", "apart"]
    resent: bool
    managing: bool
    announced: bool
    about_event: bool
    of_event_state: bool
    informs: bool
    replaceable: bool
    too_late: Literal["start", "end", "never"]
    calendar: CalendarMethod | None
    entry: Literal["attached", "updated", "moved"]
    meeting: Literal["seated", "everyone", "none"]
    leads_to: Literal["own", "confirmation", "undo", "invitation", "nowhere"]
    link_words: str
    until_field: str
    until_words: str
    variants: tuple[str, ...]


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
RECORDING = "recording-available"
CANCELLED = "cancelled-by-you"
LAPSED = "lapsed"
"""The variant of a cancellation because no link was used in time."""

ADDRESS_CHANGED, ADDRESS_RESTORED = "address-changed", "address-restored"

DETAILS = "details"
"""Requests the details that a form asks for after the confirmation; it does not depend on the date of the event."""


def _family(**common: Any) -> Callable[..., MailKind]:
    """Return a function that makes the kinds of a family; each states its name, its statuses, and what differs."""

    def kind(name: str, *true_while: str, **different: Any) -> MailKind:
        return MailKind(name=name, true_while=frozenset(true_while), **{**common, **different})

    return kind


_REPORT: dict[str, Any] = {
    "lane": "transactional",
    "about": "registration",
    "message": "",
    "numbered": "revision",
    "resent": True,  # people wait for it and can accept a second copy, which mail programs merge by Message-ID
    "managing": True,
    "announced": False,
    "about_event": True,
    "of_event_state": False,
    "informs": False,
    "replaceable": False,
    "too_late": "end",
    "calendar": None,
    "entry": "attached",
    "meeting": "none",
    "leads_to": "own",
    "link_words": "",
    "until_field": "",
    "until_words": "",
    "variants": (),
}
"""Of a mail that reports one revision of a registration; the families below differ from it."""

_report = _family(**_REPORT)
_link_mail = _family(**_REPORT | {"managing": False, "about_event": False, "too_late": "never"})
_former = _family(**_REPORT | {"about": "former-address", "managing": False, "variants": (PROPOSAL,)})
_decision = _family(**_REPORT | {"numbered": "decision", "managing": False})
_news = _family(
    **_REPORT
    | {
        "numbered": "apart",
        "managing": False,
        "announced": True,
        "of_event_state": True,
        "replaceable": True,
        "calendar": "REQUEST",
        "meeting": "seated",
    }
)
_reminder = _family(
    **_REPORT
    | {
        "lane": "reminder",
        "numbered": "apart",  # by the minute of its date
        "resent": False,
        "managing": False,
        "too_late": "start",
        "meeting": "seated",
    }
)
_bulletin = _family(
    **_REPORT
    | {
        "lane": "bulletin",
        "numbered": "apart",
        "resent": False,
        "managing": False,
        "announced": True,
        "too_late": "never",
    }
)

_ALL = (
    _report(
        "confirmation",
        SEATED,
        message="registration.confirmed.v1",
        informs=True,
        calendar="REQUEST",
        meeting="seated",
        until_field="lapses_at",
        until_words="keep_until",
        variants=tuple(kind.name for kind in FORM_KINDS.values() if kind.own_confirmation),
    ),
    _report(
        "waiting-list",
        "waitlisted",
        message="registration.waitlisted.v1",
        informs=True,
        until_field="lapses_at",
        until_words="keep_until",
        variants=PROMOTION_MODES,
    ),
    _report(
        "promotion",
        SEATED,
        message="registration.promoted.v1",
        informs=True,
        calendar="REQUEST",
        meeting="seated",
        until_field="lapses_at",
        until_words="keep_until",
    ),
    _report(
        SEAT_OFFERED,
        "waitlisted",
        message="registration.offered.v1",
        link_words="offer_link",
        until_field="offer_expires_at",
        until_words="offer_until",
    ),
    _report("offer-ended", "waitlisted", message="registration.offer-ended.v1"),
    _report(
        CANCELLED,
        "cancelled",
        message="registration.cancelled.v1",
        too_late="never",
        calendar="CANCEL",
        variants=(PROPOSAL, LAPSED),
    ),
    _report(
        "changed",
        *LIVE,
        message="registration.changed.v1",
        calendar="REQUEST",
        entry="updated",
        variants=(PROPOSAL,),
    ),
    _report(RECEIVED, SEATED, until_field="lapses_at", until_words="keep_until"),
    _report(
        "link",
        *LIVE,
        message="registration.link-requested.v1",
        numbered="request",
        until_field="lapses_at",
        until_words="keep_until",
        variants=(PROPOSAL,),
    ),
    _report(
        DETAILS,
        SEATED,
        message="registration.details-requested.v1",
        lane="reminder",
        numbered="request",
        resent=False,
        link_words="details_link",
        variants=(PROPOSAL,),
    ),
    _link_mail(
        "verification",
        WANTED,
        message="confirmation.wanted.v1",
        lane="verification",
        about="confirmation",
        leads_to="confirmation",
        variants=(REGISTRATIONS,),
    ),
    _link_mail(
        INVITATION,
        WANTED,
        message="invitation.created.v1",
        about=INVITATION,
        leads_to="invitation",
        until_field="expires_at",
        until_words="invitation_until",
        variants=(RECOVERY,),
    ),
    _link_mail(BULLETIN_TEST, WANTED, about=BULLETIN_TEST),
    _former(
        ADDRESS_CHANGED,
        LEFT,
        message="registration.address-changed.v1",
        leads_to="undo",
        until_field="undo_until",
        until_words="undo_until",
    ),
    _former(ADDRESS_RESTORED, LEFT, leads_to="nowhere"),
    _decision(ACCEPTED, SEATED, message="proposal.accepted.v1"),
    _decision("proposal-returned", SEATED, message="proposal.returned.v1"),
    _decision("proposal-declined", SEATED, message="proposal.declined.v1"),
    _decision(
        SCHEDULED,
        SEATED,
        message="proposal.scheduled.v1",
        of_event_state=True,
        informs=True,
        calendar="REQUEST",
        meeting="seated",
    ),
    _news("event-rescheduled", *LIVE, entry="moved"),
    _news("event-postponed", *LIVE, replaceable=False, calendar="CANCEL", variants=(PROPOSAL,)),
    _news("event-cancelled", *LIVE, replaceable=False, calendar="CANCEL"),
    _news("event-revived", *LIVE, variants=(PROPOSAL,)),
    _news("event-confirmed", *LIVE, entry="updated"),
    _news("event-changed", *LIVE, entry="updated"),
    _news(REMOTE_POSSIBLE, *LIVE, replaceable=False, calendar=None, meeting="everyone"),
    _reminder("reminder-7-days", SEATED, variants=(PROPOSAL,)),
    _reminder("reminder-1-day", SEATED, variants=(PROPOSAL,)),
    _reminder("reminder-1-hour", SEATED),
    _bulletin(RECORDING, SEATED),
    _bulletin("bulletin", *LIVE, about_event=False),
)

KINDS = {kind.name: kind for kind in _ALL}
"""By name."""

KIND_OF_MESSAGE = {kind.message: kind.name for kind in _ALL if kind.message}
"""Kind by routing key. A confirmation on a form for proposals is ``RECEIVED``."""


def _names(holds: Callable[[MailKind], bool]) -> tuple[str, ...]:
    return tuple(kind.name for kind in _ALL if holds(kind))


NUMBERED_APART = _names(lambda kind: kind.numbered != "revision")
DECISION_KINDS = _names(lambda kind: kind.numbered == "decision")
"""Decisions on a proposal, numbered by the revision of the review. A newer one supersedes older ones."""

MANAGING_KINDS = _names(lambda kind: kind.managing)
ANNOUNCED_KINDS = _names(lambda kind: kind.announced)
INFORMING_KINDS = _names(lambda kind: kind.informs)
REPLACEABLE_NEWS = _names(lambda kind: kind.replaceable)
REMINDER_KINDS = _names(lambda kind: kind.too_late == "start")
"""Reminders of a date, numbered by its minute."""


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
        kind: the kind of the mail.
        revision: the revision of the mail: that of its subject or of the decision, or a number that is independent of
            the subject's revision.
        known: state of its subject, after the mail's own message.
    """
    numbered = KINDS[kind].numbered
    if numbered == "decision" and revision < known.decision:
        return True
    if numbered == "revision" and revision >= known.revision:
        return False
    return kind in outdated_kinds(known)


def outdated_kinds(known: SubjectState) -> list[str]:
    """Return the kinds of older mails that this state makes outdated, sorted."""
    return sorted(name for name, kind in KINDS.items() if known.status not in kind.true_while)
