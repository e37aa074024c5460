"""The kinds of form. A new kind is an entry here and its standard questions; nothing compares names.

SQL gets the sets below as parameters or with :func:`quoted`, never a list of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class FormKind:
    """Attributes:
    name: the name in definitions, tables and messages.
    label: the label in lists of forms, one or two words.
    audience: who is on such a form, where an audience is chosen.
    attends: a person on it takes part in the form's event: counted, on its roster, in conflict with other events.
    is_way_in: the form is the event's own: it has the title of the event, and says when the event has begun.
    in_calendars: its people have an event in their calendars: the form's, or the one that a proposal became.
    joins_online: its people can join the form's event online.
    open_until_end: which events the form is open for until the end; for the others it is open until the start.
    notified: when a change of its event causes mails to its people: ``always``, ``never``, or only when a change makes
        ``remote`` attendance possible.
    shows_event: its page states when and where the form's event is.
    own_confirmation: its confirmation mail has a wording of its own.
    """

    name: str
    label: str
    audience: str
    attends: bool
    is_way_in: bool
    in_calendars: bool
    joins_online: bool
    open_until_end: Literal["every", "online", "none"]
    notified: Literal["always", "remote", "never"]
    shows_event: bool
    own_confirmation: bool


PROPOSAL = "proposal"
"""Proposes a side event: has no seats, one person makes several, each with a title, and events reviews them."""

DELEGATION = "delegation"
"""Travels to Geneva: coordinators list who of them is registered for which event there."""

GROUP_MEMBERSHIP = "working_group"
"""Joins a working group, which its mails name in place of an event."""

_ALL = (
    FormKind(
        name="webinar",
        label="Webinar",
        audience="Webinar",
        attends=True,
        is_way_in=True,
        in_calendars=True,
        joins_online=True,
        open_until_end="online",
        notified="always",
        shows_event=True,
        own_confirmation=False,
    ),
    FormKind(
        name="attendance",
        label="Attendance",
        audience="Attendance",
        attends=True,
        is_way_in=True,
        in_calendars=True,
        joins_online=True,
        open_until_end="online",
        notified="always",
        shows_event=True,
        own_confirmation=False,
    ),
    FormKind(
        name=DELEGATION,
        label="Delegation",
        audience="Delegation",
        attends=True,
        is_way_in=False,
        in_calendars=True,
        joins_online=True,
        open_until_end="none",
        notified="always",
        shows_event=True,
        own_confirmation=True,
    ),
    FormKind(
        name=PROPOSAL,
        label="Proposals",
        audience="Proposal of a side event",
        attends=False,
        is_way_in=False,
        in_calendars=True,
        joins_online=False,
        open_until_end="none",
        notified="always",
        shows_event=False,
        own_confirmation=False,
    ),
    FormKind(
        name=GROUP_MEMBERSHIP,
        label="Working group",
        audience="Working group",
        attends=False,
        is_way_in=False,
        in_calendars=False,
        joins_online=False,
        open_until_end="none",
        notified="never",
        shows_event=False,
        own_confirmation=True,
    ),
    FormKind(
        name="interest",
        label="Interest",
        audience="Interest in remote attendance",
        attends=False,
        is_way_in=False,
        in_calendars=False,
        joins_online=True,
        open_until_end="every",
        notified="remote",
        shows_event=True,
        own_confirmation=True,
    ),
)

FORM_KINDS = {kind.name: kind for kind in _ALL}
"""By name. The order is that of preference: a mail about an event goes to a person by their first registration."""

NOT_ATTENDING = tuple(kind.name for kind in _ALL if not kind.attends)
IN_CALENDARS = tuple(kind.name for kind in _ALL if kind.in_calendars)
WAITING_FOR_REMOTE = tuple(kind.name for kind in _ALL if kind.notified == "remote")


def notified_kinds(*, remote: bool) -> tuple[str, ...]:
    """The kinds whose people get mails about a change of their event.

    Args:
        remote: whether the change makes remote attendance possible.
    """
    return tuple(kind.name for kind in _ALL if kind.notified == "always" or (remote and kind.notified == "remote"))


def is_open_until_end(name: str, *, online: bool) -> bool:
    """Whether a form of this kind takes registrations until the end of its event, unless it has a setting of its own.

    Args:
        name: the name of the kind.
        online: the event takes place online only.
    """
    until = FORM_KINDS[name].open_until_end
    return until == "every" or (until == "online" and online)


def quoted(names: Iterable[str]) -> str:
    """The names as SQL literals with commas between."""
    return ", ".join(f"'{name}'" for name in names)
