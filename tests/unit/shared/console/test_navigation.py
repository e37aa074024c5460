"""The console's navigation: what each key sees, and which entry is marked as current."""

import pytest

from services.console_pages import CONSOLE, SECTIONS, first_page
from shared.console.frame import navigation_for
from shared.http.holders import Holder


def holder(*roles: str, forms: frozenset[str] | None = None, partner: str | None = None) -> Holder:
    return Holder(name="somebody", key_hash="", roles=frozenset(roles), forms=forms, partner=partner)


@pytest.mark.parametrize(
    ("who", "sections"),
    [
        (holder("coordinator"), ["Overview", "People", "Events", "Groups", "Programme", "Mail", "Set-up"]),
        (holder("coordinator", forms=frozenset({"a-form"})), ["People", "Events", "Set-up"]),
        (holder("partner", partner="a-partner"), ["Set-up"]),
        (holder("sealed-reader"), ["People"]),
        (holder("operator"), ["People", "Mail", "Set-up"]),
        (holder("administrator"), ["Set-up"]),
        (None, []),
    ],
)
def test_key_sees_the_sections_that_it_opens(who: Holder | None, sections: list[str]) -> None:
    assert [one.title for one in navigation_for(CONSOLE, who, "/console").sections] == sections


@pytest.mark.parametrize(
    ("who", "page"),
    [
        (holder("coordinator"), "/console/overview"),
        (holder("viewer", forms=frozenset({"a-form"})), "/console"),
        (holder("partner", partner="a-partner"), "/console/registrations/partners/a-partner"),
        (holder("sealed-reader"), "/console/registrations/sealed-lists"),
        (holder("operator"), "/console/registrations/sealed-lists"),
        (holder("administrator"), "/console/access"),
        (holder("administrator", forms=frozenset({"a-form"})), "/console/account"),
    ],
)
def test_first_page_is_one_that_the_key_opens(who: Holder, page: str) -> None:
    assert first_page(who) == page


@pytest.mark.parametrize(
    ("path", "section", "page"),
    [
        ("/console", "Events", "Events"),
        ("/console/events/upr-webinar-10/edit", "Events", "Events"),
        ("/console/mail/bulletins/new", "Mail", ""),
        ("/console/registrations", "People", "Registrations"),
        ("/console/registrations/6f0c", "People", "Registrations"),
        ("/console/registrations/imports/6f0c", "People", "Import"),
        ("/console/registrations/forms/upr-webinar-10/seats", "Set-up", "Forms"),
        ("/console/set-up/rooms/lake-hall", "Programme", "Rooms"),
        ("/console/set-up/hotels", "People", "Hotels"),
        ("/console/set-up/working-groups/housing", "Groups", "Groups"),
        ("/console/set-up", "Set-up", "All lists"),
        ("/console/registrations/sealed-approvals/6f0c", "People", "Sealed answers"),
        ("/console/account", "", ""),
    ],
)
def test_page_is_found_by_the_longest_path(path: str, section: str, page: str) -> None:
    shown = navigation_for(CONSOLE, holder("coordinator"), path)
    assert [one.title for one in shown.sections if one.here] == ([section] if section else [])
    assert [one.title for one in shown.pages if one.here] == ([page] if page else [])


def test_paths_are_unique() -> None:
    paths = [page.path for section in SECTIONS for page in section.pages]
    assert len(paths) == len(set(paths))
