"""Every kind of mail with hostile text: its content, and the effect of opening its links.

The whole system on the embedded bus, mails as they arrive at the relay. What is refused on the way is not in any mail;
what is not refused is shown to have come through before anything is said about what it did.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests

from services.notifications.composing.model import LATE_REMINDER, VARIANTS
from services.notifications.composing.texts import wording
from services.notifications.mails.kinds import (
    DECISION_KINDS,
    KINDS,
    MAILED_ONCE,
    MANAGING_KINDS,
    NEWS_KINDS,
    PROPOSAL,
    REMINDER_KINDS,
)
from tests.scenario.every_mail import RECORDING, Everybody, cause_every_mail
from tests.scenario.hostile import FORM_TITLE, JOIN, PLACEHOLDERS, TEXTS, make_sample
from tests.scenario.opening import PUBLIC, Opening
from tests.scenario.received import Page, Received, read_all
from tests.scenario.world import World
from tests.support.contents import changes
from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import PROJECT, ProcessGroup
from tests.support.run_folder import RunFolder
from tests.unit.notifications.hostile import CLICKABLE
from tests.unit.notifications.received import CALENDAR_KINDS, HEADERS, WITH_CALENDAR, WITHOUT_CALENDAR

pytestmark = pytest.mark.timeout(900)

SENT = "SELECT kind, message_id FROM mail WHERE state = 'sent'"
VARIED = "SELECT DISTINCT kind, form_kind FROM mail JOIN recipient USING (subject) WHERE state = 'sent'"

ELSEWHERE = {
    (text, PROPOSAL)
    for text in ("details", "address-changed", "address-restored", "reminder-7-days", "reminder-1-day", LATE_REMINDER)
}
"""Wordings for proposers that differ little from others of the story: ``tests/unit/notifications`` renders them."""

OF_THE_RELAY = ["Return-Path", "Delivered-To"]
OF_BULLETINS = ["List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"]
PROPERTIES = {
    *("UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "STATUS", "SUMMARY", "DESCRIPTION", "LOCATION", "URL"),
    *("CLASS", "ORGANIZER", "ATTENDEE"),
}
"""Of an entry in a calendar; one that is taken out may have no end."""

TEMPLATE = PROJECT / "services/notifications/composing/templates/mail.html"
WHERE = r"(Name|Idea|Subject|Line|Title|Place|City|About|Group|Room|Note|Speaker|Summary)(\d\d) "
WRITTEN = ("Title", "Place", "City", "Group", "Note")
SENT_OUT = ("Subject", "Line")
UNSTORABLE = next(number for number, text in enumerate(TEXTS) if "\x00" in text)
STRANGERS = re.compile(r"\b(Name|Idea|Speaker|Summary)\d\d ")
"""What marks the words that no coordinator wrote."""

SOMEBODY = re.compile(r"(guest|late|proposer)-\d+|of-[a-z-]+|traveller(-moved)?|far-away|newcomer")


@dataclass(frozen=True, slots=True)
class Told:
    """What there is after the story."""

    world: World
    cast: Everybody
    mails: list[Received]


@pytest.fixture(scope="module")
def told(postgres: PostgresServer, run_folder: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """The story, played once; then no one works any more but the web services."""
    processes, folder = ProcessGroup(run_folder), tmp_path_factory.mktemp("mails")
    world = World(processes, make_installation(postgres, folder), sample=make_sample(folder / "sample"))
    try:
        cast = cause_every_mail(world)
        print(world.summary())
        world.end_workers()
        kinds = {str(message_id): str(kind) for kind, message_id in world.sql("notifications", SENT)}
        yield Told(world, cast, read_all(world.mail_folder, kinds))
    finally:
        processes.end()


def test_every_kind_of_mail_is_among_them(told: Told) -> None:
    """A new kind has to be caused here as well."""
    found = Counter(mail.kind for mail in told.mails)
    print(dict(found))
    assert set(found) == set(KINDS)
    caused = set(VARIANTS) - ELSEWHERE
    kept = {variant for variant in caused if KINDS[variant[0]].about not in MAILED_ONCE}
    assert set(told.world.sql("notifications", VARIED)) >= kept
    subjects = {(mail.kind, str(mail.message["Subject"])) for mail in told.mails}
    gone = {(kind, wording("en").subject[VARIANTS[kind, form]]) for kind, form in caused - kept}
    assert gone, "the control: of some mails nothing else is kept"
    assert subjects >= gone


def test_hostile_text_has_come_through(told: Told) -> None:
    """The control: what is refused is refused at the door, and all the rest stands in mails."""
    seen: dict[str, set[int]] = {}
    for mail in told.mails:
        for slot, number in re.findall(WHERE, mail.everything() + " "):
            seen.setdefault(slot, set()).add(int(number))
    stored = set(range(len(TEXTS))) - {UNSTORABLE}
    written = dict.fromkeys(WRITTEN, stored)
    typed = {"Name": set(told.cast.taken), "Idea": set(told.cast.ideas)}
    sent = {slot: set(told.cast.bulletins) for slot in SENT_OUT}
    partly = {slot: seen.pop(slot) for slot in ("About", "Room", "Summary")}
    assert seen == {**written, **typed, **sent}
    assert all(partly.values())
    refused = {where: len(TEXTS) - len(taken) for where, taken in {**typed, **sent}.items()}
    print(f"refused of {len(TEXTS)}: {refused}")


def test_no_text_becomes_a_header(told: Told) -> None:
    for mail in told.mails:
        more = OF_BULLETINS if mail.kind.startswith("bulletin") else []
        assert sorted(mail.message.keys()) == sorted(HEADERS + OF_THE_RELAY + more), mail.kind
        assert [defect for value in mail.message.values() for defect in value.defects] == []
        (address,) = mail.to
        assert str(mail.message["Delivered-To"]) == address
        who, _, domain = address.partition("@")
        assert SOMEBODY.fullmatch(who), address
        assert domain == "example.org"
        assert str(mail.message["From"]) == "The UPR coordination <upr@example.org>"


def test_no_text_becomes_a_part(told: Told) -> None:
    for mail in told.mails:
        with_calendar = bool(mail.calendars)
        assert not with_calendar or mail.kind in CALENDAR_KINDS
        wanted = WITH_CALENDAR if with_calendar else WITHOUT_CALENDAR
        assert [part.get_content_type() for part in mail.message.walk()] == wanted, mail.kind
        assert [defect for part in mail.message.walk() for defect in part.defects] == []


def test_no_text_becomes_a_property_of_a_calendar(told: Told) -> None:
    told_of = [mail for mail in told.mails if mail.calendars]
    assert {mail.kind for mail in told_of} == set(CALENDAR_KINDS)
    for mail in told_of:
        one, same = mail.calendars
        assert one.to_ical() == same.to_ical()
        (event,) = one.walk("VEVENT")
        assert {*event.keys(), "DTEND"} == PROPERTIES
        assert str(event["ATTENDEE"]) == f"mailto:{mail.to[0]}"
        assert event.errors == []


def test_words_of_strangers_become_no_link(told: Told) -> None:
    """What a form or a proposal brought in: a name, a title, a summary. Coordinators' links are links, as written."""
    lines = 0
    for mail in told.mails:
        assert all(link.startswith("http") for link in mail.page.hrefs), mail.kind
        of_calendar = [line for value in mail.calendar_values() for line in value.splitlines()]
        readable = (str(mail.message["Subject"]), *mail.plain.splitlines(), *of_calendar)
        for line in readable:
            if STRANGERS.search(line):
                lines += 1
                assert CLICKABLE.findall(line) == [], (mail.kind, line)
    print(f"{lines} lines")
    assert lines > len(TEXTS)


def _is_written(link: str) -> bool:
    """Whether it stands in one of the texts; a comma after it is the mail's."""
    return any(link.rstrip(",") in text for text in TEXTS)


def test_links_of_coordinators_are_links(told: Told) -> None:
    """And there are no others but ours."""
    foreign = {link for mail in told.mails for link in mail.links() if not link.startswith(f"{PUBLIC}/")}
    assert all(_is_written(link) for link in foreign - {RECORDING}), foreign
    whole = [text for text in TEXTS if text.startswith("http") and text.isascii()]
    shown = "\n".join(mail.everything() for mail in told.mails if mail.kind == "event-changed")
    assert [text for text in whole if text not in shown] == []


OWN_LINK = re.compile(r"/([crvj])/[A-Za-z0-9_-]{43}")


def test_no_link_that_changes_anything_leaves_the_body_of_the_mail_about_it(told: Told) -> None:
    """Managing links stand in the texts of mails that something in the registration caused; calendars, headers,
    reminders, news, recordings and bulletins have the read-only link alone, and mails the way to the meeting."""
    found: dict[str, set[str]] = {}
    for mail in told.mails:
        calendar = "\n".join(mail.calendar_values())
        headers = "\n".join(str(value) for value in mail.message.values())
        assert OWN_LINK.findall(headers) == [], mail.kind
        assert set(OWN_LINK.findall(calendar)) <= {"v"}, mail.kind
        assert bool(mail.calendars) == bool(OWN_LINK.findall(calendar)), mail.kind
        found.setdefault(mail.kind, set()).update(
            OWN_LINK.findall(mail.plain), OWN_LINK.findall(" ".join(mail.page.links))
        )
    assert {kind for kind, families in found.items() if "r" in families} == {*MANAGING_KINDS}
    assert {kind for kind, families in found.items() if "v" in families} == {
        *NEWS_KINDS, *REMINDER_KINDS, *DECISION_KINDS, "bulletin"
    }  # fmt: skip
    assert {"confirmation", *REMINDER_KINDS} <= {kind for kind, families in found.items() if "j" in families}


def test_no_mail_and_no_calendar_holds_the_address_of_a_meeting(told: Told) -> None:
    """Neither the mails as they arrived, nor what can be subscribed to."""
    stored = told.world.sql("events", "SELECT DISTINCT join_url FROM event WHERE join_url IS NOT NULL")
    meetings = [str(join_url) for (join_url,) in stored]
    assert JOIN in meetings, "the control: there is a meeting"
    texts = [(mail.kind, mail.everything() + " ".join(mail.page.hrefs)) for mail in told.mails]
    feeds = ["/calendar/all.ics", *(f"/calendar/kind/{kind}.ics" for kind in ("webinar", "press_conference"))]
    texts += [(feed, requests.get(told.world.urls["events"] + feed, timeout=10).text) for feed in feeds]
    assert [name for name, text in texts if any(meeting in text for meeting in meetings)] == []
    assert all("BEGIN:VEVENT" in text for name, text in texts if name.endswith("all.ics"))


def test_no_text_becomes_a_tag(told: Told) -> None:
    template = Page(TEMPLATE.read_text())
    assert "script" not in template.tags
    for mail in told.mails:
        assert mail.page.tags <= template.tags
        assert mail.page.attributes <= template.attributes
        assert mail.page.comments == []


def test_placeholders_stay_as_they_stand(told: Told) -> None:
    number = TEXTS.index(PLACEHOLDERS)
    slots = {*WRITTEN, *SENT_OUT, "Idea"}
    shown = {slot for mail in told.mails for slot in slots if f"{slot}{number:02} {PLACEHOLDERS}" in mail.plain}
    assert shown == slots
    cut = f"Name{number:02} {PLACEHOLDERS}"[:50]
    assert any(f"Hello {cut}" in mail.plain for mail in told.mails)
    page = Page(Opening(told.world, told.mails).read("/embed/join-working-group"))
    assert FORM_TITLE in page.text


def test_opening_every_link_changes_nothing(told: Told) -> None:
    """As scanners of mail do it: by GET and HEAD, ahead of the reader and again, and what the pages link to as well."""
    opening = Opening(told.world, told.mails)
    assert {link for link in opening.foreign if not _is_written(link)} == {RECORDING}
    before = opening.contents()
    opened = opening.open_all()
    print(f"opened: {dict(sorted(opened.items()))}")
    assert changes(before, opening.contents()) == []
    for family in ("c", "j", "programme", "r", "u", "v"):
        assert opened[f"GET /{family}/ 200"] > 0
        assert opened[f"HEAD /{family}/ 200"] > 0
    assert {key.rpartition(" ")[2] for key in opened} <= {"200", "404"}


@pytest.mark.parametrize(
    ("family", "button"),
    [("u", ""), ("r", "cancel"), ("c", "mute"), ("v", "send-link")],
)
def test_pressing_a_button_is_seen(told: Told, family: str, button: str) -> None:
    """The control: the same comparison sees what a button does."""
    opening = Opening(told.world, told.mails)
    before = opening.contents()
    opening.press(family, button)
    found = changes(before, opening.contents())
    print(f"{len(found)} rows")
    assert found
