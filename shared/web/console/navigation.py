"""The navigation of the console, by what people do: each section has the pages of one kind of work.

A page may come from any service; the gateway knows from which. What a key does not open is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.web.access import Holder

HOME = "/console"
FIRST = "/console/overview"
"""First page after signing in, unless another was requested; a key without access to it is redirected to ``HOME``."""

OF_PARTNERS = "/console/registrations/partners"
REGISTRATIONS = "/console/registrations"
SET_UP = "/console/set-up"
FIRST_STEPS = f"{REGISTRATIONS}/first-steps"

READERS = frozenset({"viewer", "coordinator"})
COORDINATORS = frozenset({"coordinator"})
SEALED = frozenset({"sealed-reader", "coordinator", "operator"})
AUDITORS = frozenset({"coordinator", "operator", "administrator"})


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """One page of the navigation; ``path`` begins with ``/console``.

    Attributes:
        all_forms: it reaches across all forms, so a key that is limited to some does not open it.
        roles: for whom.
        also: further paths whose pages belong to it.
    """

    title: str
    path: str
    all_forms: bool = False
    roles: frozenset[str] = READERS
    also: tuple[str, ...] = ()

    def is_for(self, holder: Holder) -> bool:
        """Whether the key opens it, as far as the navigation knows."""
        return bool(self.roles & holder.roles) and not (self.all_forms and holder.forms is not None)

    def length_of_match(self, path: str) -> int:
        """Characters of ``path`` by which it is this page or one below it; 0 for neither."""
        below = [prefix for prefix in (self.path, *self.also) if prefix != HOME and path.startswith(f"{prefix}/")]
        exact = [prefix for prefix in (self.path, *self.also) if path == prefix]
        return max(map(len, (*below, *exact)), default=0)


@dataclass(frozen=True, slots=True)
class ConsoleSection:
    """Pages of one kind of work; a section is opened on its first page."""

    title: str
    pages: tuple[ConsolePage, ...]


def _part(title: str, part: str) -> ConsolePage:
    return ConsolePage(title, f"{SET_UP}/{part}", all_forms=True)


SECTIONS = (
    ConsoleSection("Overview", (ConsolePage("Overview", "/console/overview", all_forms=True),)),
    ConsoleSection(
        "People",
        (
            ConsolePage("Registrations", REGISTRATIONS, roles=COORDINATORS),
            ConsolePage("Import", f"{REGISTRATIONS}/imports", roles=COORDINATORS),
            ConsolePage("Travellers", "/console/geneva", all_forms=True),
            _part("Hotels", "hotels"),
            ConsolePage(
                "Sealed answers",
                f"{REGISTRATIONS}/sealed-lists",
                roles=SEALED,
                also=(f"{REGISTRATIONS}/sealed-readings", f"{REGISTRATIONS}/sealed-approvals"),
            ),
            ConsolePage("Data of one person", f"{REGISTRATIONS}/person-export", all_forms=True, roles=COORDINATORS),
        ),
    ),
    ConsoleSection(
        "Events",
        (
            ConsolePage("Events", HOME, also=("/console/events", "/console/new-event")),
            _part("Series", "series"),
            _part("Recordings", "resources"),
            ConsolePage("Translations", "/console/translations", all_forms=True),
        ),
    ),
    ConsoleSection(
        "Groups",
        (
            ConsolePage("Groups", "/console/groups", all_forms=True, also=(f"{SET_UP}/working-groups",)),
            _part("Contacts", "group-contacts"),
            _part("Consultations", "consultations"),
        ),
    ),
    ConsoleSection(
        "Programme",
        (
            ConsolePage("Side events", "/console/side-events", all_forms=True),
            ConsolePage("Timetable", "/console/timetable", all_forms=True),
            ConsolePage("Speakers", "/console/speakers", all_forms=True),
            _part("Rooms", "rooms"),
            _part("Slots", "slots"),
        ),
    ),
    ConsoleSection("Mail", (ConsolePage("Mail", "/console/mail", all_forms=True, roles=READERS | {"operator"}),)),
    ConsoleSection(
        "Set-up",
        (
            ConsolePage(
                "Forms", f"{REGISTRATIONS}/forms", also=(f"{REGISTRATIONS}/new-form", f"{REGISTRATIONS}/form-drafts")
            ),
            ConsolePage(
                "Forms for side events", f"{REGISTRATIONS}/side-event-forms", all_forms=True, roles=COORDINATORS
            ),
            ConsolePage(
                "Partners",
                OF_PARTNERS,
                roles=frozenset({"coordinator", "partner"}),
                also=(f"{REGISTRATIONS}/new-partner",),
            ),
            ConsolePage("All lists", SET_UP, all_forms=True),
            ConsolePage("First steps", FIRST_STEPS, all_forms=True, roles=COORDINATORS),
            ConsolePage("Access", "/console/access", all_forms=True, roles=frozenset({"administrator"})),
            ConsolePage("Audit log", "/console/audit-log", all_forms=True, roles=AUDITORS),
        ),
    ),
)


def first_page(holder: Holder) -> str:
    """First page of a user who requested none: the overview, or the first page that their roles and forms allow."""
    if holder.partner is not None:
        return f"{OF_PARTNERS}/{holder.partner}"
    if not holder.roles & READERS:
        sections = navigation_for(holder, "").sections
        return sections[0].path if sections else "/console/account"
    return HOME if holder.forms is not None else FIRST


@dataclass(frozen=True, slots=True)
class NavigationLink:
    """A link of the navigation; ``here``: the page that is shown is this one, or below it."""

    title: str
    path: str
    here: bool


@dataclass(frozen=True, slots=True)
class Navigation:
    """Sections, and the pages of the one that is shown; ``within`` is its title. One page alone is not listed.

    ``finds_people``: whether the frame offers to search the list of registrations.
    """

    sections: tuple[NavigationLink, ...] = ()
    within: str = ""
    pages: tuple[NavigationLink, ...] = ()
    finds_people: bool = False


def navigation_for(holder: Holder | None, path: str) -> Navigation:
    """What ``holder`` sees of the navigation on the page at ``path``; nothing if nobody is signed in."""
    opened = [] if holder is None else list(_opened_by(holder))
    matching = [page for _, pages in opened for page in pages if page.length_of_match(path)]
    shown = max(matching, key=lambda page: page.length_of_match(path), default=None)
    sections = tuple(NavigationLink(section.title, pages[0].path, shown in pages) for section, pages in opened)
    section, pages = next(((one, pages) for one, pages in opened if shown in pages), (None, ()))
    listed = tuple(NavigationLink(page.title, page.path, page is shown) for page in pages) if len(pages) > 1 else ()
    return Navigation(sections, section.title if section else "", listed, _finds_people(holder, path))


def _finds_people(holder: Holder | None, path: str) -> bool:
    """Not on the list itself, which has a field of its own for that."""
    return holder is not None and bool(COORDINATORS & holder.roles) and path != REGISTRATIONS


def _opened_by(holder: Holder) -> Iterator[tuple[ConsoleSection, tuple[ConsolePage, ...]]]:
    for section in SECTIONS:
        pages = tuple(page for page in section.pages if page.is_for(holder))
        if pages:
            yield section, pages
