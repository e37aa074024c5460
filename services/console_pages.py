"""The console's pages: one navigation by what people do, the same in the console of each service.

A page may come from any service; the gateway knows from which. ``shared`` shows it and knows none of these pages.
"""

from shared.console.frame import COORDINATORS, HOME, READERS, Console, ConsolePage, ConsoleSection, sections_of
from shared.http.holders import Holder

FIRST = "/console/overview"
OF_PARTNERS = "/console/registrations/partners"
REGISTRATIONS = "/console/registrations"
SET_UP = "/console/set-up"
FIRST_STEPS = f"{REGISTRATIONS}/first-steps"

SIGN_IN = "/console/sign-in"
"""Of registration, which owns access: a gateway sends it there, from any page that requires sign-in."""

SIGN_OUT = ("/console/sign-out", "/console/registrations/sign-out", "/console/mail/sign-out")
"""One of each service, since each believes cookies for itself: a browser that signs out is sent through all of them."""

RENEWAL = "/console/account/renewal"
"""Of registration, which signs cookies: an empty picture on the pages of the others."""

SIGNING = frozenset({SIGN_IN, f"{SIGN_IN}/passkey", *SIGN_OUT})
"""Paths by which people sign in and out: they work in quarantine."""

SEALED = frozenset({"sealed-reader", "coordinator", "operator"})
AUDITORS = frozenset({"coordinator", "operator", "administrator"})


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
        opened = next(sections_of(SECTIONS, holder), None)
        return opened[1][0].path if opened else "/console/account"
    return HOME if holder.forms is not None else FIRST


CONSOLE = Console(
    sections=SECTIONS,
    overview=FIRST,
    first_page=first_page,
    people=REGISTRATIONS,
    sign_in=SIGN_IN,
    sign_out=SIGN_OUT,
    renewal=RENEWAL,
)
"""What each service shows of the console."""
