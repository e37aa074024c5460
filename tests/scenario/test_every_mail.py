"""Every kind of mail with hostile text: its content, and the effect of opening its links.

The whole system on the embedded bus, mails as they arrive at the relay. What is refused on the way is not in any mail;
what is not refused is shown to have arrived before its effect is checked.
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
    LAPSED,
    MAILED_ONCE,
    MANAGING_KINDS,
    REMINDER_KINDS,
)
from shared.calendar.event_news import NEWS_KINDS
from shared.vocabulary.form_kinds import PROPOSAL
from shared.vocabulary.promotion import PROMOTION_MODES
from tests.scenario.every_mail import RECORDING, AllPeople, cause_every_mail
from tests.scenario.hostile_text import FORM_TITLE, JOIN, PLACEHOLDERS, TEXTS, make_sample
from tests.scenario.link_opener import PUBLIC, Opening
from tests.scenario.parsed_mails import Page, Received, read_all
from tests.scenario.scenario_system import ScenarioSystem
from tests.support.database_contents import changes
from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import PROJECT, ProcessGroup
from tests.support.run_folder import RunFolder
from tests.unit.notifications.hostile_text import CLICKABLE
from tests.unit.notifications.parsed_mails import CALENDAR_KINDS, HEADERS, WITH_CALENDAR, WITHOUT_CALENDAR

pytestmark = pytest.mark.timeout(900)

SENT = "SELECT kind, message_id FROM mail WHERE state = 'sent'"
VARIED = "SELECT DISTINCT kind, form_kind FROM mail JOIN recipient USING (subject) WHERE state = 'sent'"

ELSEWHERE = {
    (text, PROPOSAL)
    for text in ("details", "address-changed", "address-restored", "reminder-7-days", "reminder-1-day", LATE_REMINDER)
} | {("cancelled-by-you", LAPSED), *(("waiting-list", mode) for mode in PROMOTION_MODES)}
"""Wordings for proposers that differ little from others of the story: ``tests/unit/notifications`` renders them. The
waiting list by promotion mode, and what has lapsed: ``tests/integration/notifications/test_sending.py``.
"""

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
TEXT_OF_OTHERS = re.compile(r"\b(Name|Idea|Speaker|Summary)\d\d ")
"""What marks the words that no coordinator wrote."""

RECIPIENT_NAMES = re.compile(r"(guest|late|proposer)-\d+|of-[a-z-]+|traveller(-moved)?|far-away|newcomer")


@dataclass(frozen=True, slots=True)
class MailedSystem:
    """What there is after the story."""

    system: ScenarioSystem
    cast: AllPeople
    mails: list[Received]


@pytest.fixture(scope="module")
def mailed(
    postgres: PostgresServer, run_folder: RunFolder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MailedSystem]:
    """The story, played once; then no one works any more but the web services."""
    processes, folder = ProcessGroup(run_folder), tmp_path_factory.mktemp("mails")
    system = ScenarioSystem(processes, make_installation(postgres, folder), sample=make_sample(folder / "sample"))
    try:
        cast = cause_every_mail(system)
        print(system.summary())
        system.end_workers()
        kinds = {str(message_id): str(kind) for kind, message_id in system.sql("notifications", SENT)}
        yield MailedSystem(system, cast, read_all(system.mail_folder, kinds))
    finally:
        processes.end()


def test_every_kind_of_mail_is_among_them(mailed: MailedSystem) -> None:
    """A new kind has to be caused here as well."""
    found = Counter(mail.kind for mail in mailed.mails)
    print(dict(found))
    assert set(found) == set(KINDS)
    caused = set(VARIANTS) - ELSEWHERE
    kept = {variant for variant in caused if KINDS[variant[0]].about not in MAILED_ONCE}
    assert set(mailed.system.sql("notifications", VARIED)) >= kept
    subjects = {(mail.kind, str(mail.message["Subject"])) for mail in mailed.mails}
    gone = {(kind, wording("en").subject[VARIANTS[kind, form]]) for kind, form in caused - kept}
    assert gone, "the control: of some mails nothing else is kept"
    assert subjects >= gone


def test_hostile_text_has_come_through(mailed: MailedSystem) -> None:
    """The control: what is refused is refused at admission, and all the rest is in mails."""
    seen: dict[str, set[int]] = {}
    for mail in mailed.mails:
        for slot, number in re.findall(WHERE, mail.everything() + " "):
            seen.setdefault(slot, set()).add(int(number))
    stored = set(range(len(TEXTS))) - {UNSTORABLE}
    written = dict.fromkeys(WRITTEN, stored)
    typed = {"Name": set(mailed.cast.taken), "Idea": set(mailed.cast.ideas)}
    sent = {slot: set(mailed.cast.bulletins) for slot in SENT_OUT}
    partly = {slot: seen.pop(slot) for slot in ("About", "Room", "Summary")}
    assert seen == {**written, **typed, **sent}
    assert all(partly.values())
    refused = {where: len(TEXTS) - len(taken) for where, taken in {**typed, **sent}.items()}
    print(f"refused of {len(TEXTS)}: {refused}")


def test_no_text_becomes_a_header(mailed: MailedSystem) -> None:
    for mail in mailed.mails:
        more = OF_BULLETINS if mail.kind.startswith("bulletin") else []
        assert sorted(mail.message.keys()) == sorted(HEADERS + OF_THE_RELAY + more), mail.kind
        assert [defect for value in mail.message.values() for defect in value.defects] == []
        (address,) = mail.to
        assert str(mail.message["Delivered-To"]) == address
        who, _, domain = address.partition("@")
        assert RECIPIENT_NAMES.fullmatch(who), address
        assert domain == "example.org"
        assert str(mail.message["From"]) == "The UPR coordination <upr@example.org>"


def test_no_text_becomes_a_part(mailed: MailedSystem) -> None:
    for mail in mailed.mails:
        with_calendar = bool(mail.calendars)
        assert not with_calendar or mail.kind in CALENDAR_KINDS
        wanted = WITH_CALENDAR if with_calendar else WITHOUT_CALENDAR
        assert [part.get_content_type() for part in mail.message.walk()] == wanted, mail.kind
        assert [defect for part in mail.message.walk() for defect in part.defects] == []


def test_no_text_becomes_a_property_of_a_calendar(mailed: MailedSystem) -> None:
    with_calendars = [mail for mail in mailed.mails if mail.calendars]
    assert {mail.kind for mail in with_calendars} == set(CALENDAR_KINDS)
    for mail in with_calendars:
        one, same = mail.calendars
        assert one.to_ical() == same.to_ical()
        (event,) = one.walk("VEVENT")
        assert {*event.keys(), "DTEND"} == PROPERTIES
        assert str(event["ATTENDEE"]) == f"mailto:{mail.to[0]}"
        assert event.errors == []


def test_text_of_others_becomes_no_link(mailed: MailedSystem) -> None:
    """What a form or a proposal brought in: a name, a title, a summary. Coordinators' links are links, as written."""
    lines = 0
    for mail in mailed.mails:
        assert all(link.startswith("http") for link in mail.page.hrefs), mail.kind
        of_calendar = [line for value in mail.calendar_values() for line in value.splitlines()]
        readable = (str(mail.message["Subject"]), *mail.plain.splitlines(), *of_calendar)
        for line in readable:
            if TEXT_OF_OTHERS.search(line):
                lines += 1
                assert CLICKABLE.findall(line) == [], (mail.kind, line)
    print(f"{lines} lines")
    assert lines > len(TEXTS)


def _is_written(link: str) -> bool:
    """Whether it is in one of the texts; a comma after it is the mail's."""
    return any(link.rstrip(",") in text for text in TEXTS)


def test_links_of_coordinators_are_links(mailed: MailedSystem) -> None:
    """And there are no others but ours."""
    foreign = {link for mail in mailed.mails for link in mail.links() if not link.startswith(f"{PUBLIC}/")}
    assert all(_is_written(link) for link in foreign - {RECORDING}), foreign
    whole = [text for text in TEXTS if text.startswith("http") and text.isascii()]
    shown = "\n".join(mail.everything() for mail in mailed.mails if mail.kind == "event-changed")
    assert [text for text in whole if text not in shown] == []


OWN_LINK = re.compile(r"/([crvj])/[A-Za-z0-9_-]{43}")


def test_no_link_that_changes_anything_leaves_the_body_of_the_mail_about_it(mailed: MailedSystem) -> None:
    """Managing links are in the texts of mails that something in the registration caused; calendars, headers,
    reminders, news, recordings and bulletins have the read-only link alone, and mails the way to the meeting."""
    found: dict[str, set[str]] = {}
    for mail in mailed.mails:
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


def test_no_mail_and_no_calendar_holds_the_address_of_a_meeting(mailed: MailedSystem) -> None:
    """Neither the mails as they arrived, nor what can be subscribed to."""
    stored = mailed.system.sql("events", "SELECT DISTINCT join_url FROM event WHERE join_url IS NOT NULL")
    meetings = [str(join_url) for (join_url,) in stored]
    assert JOIN in meetings, "the control: there is a meeting"
    texts = [(mail.kind, mail.everything() + " ".join(mail.page.hrefs)) for mail in mailed.mails]
    feeds = ["/calendar/all.ics", *(f"/calendar/kind/{kind}.ics" for kind in ("webinar", "press_conference"))]
    texts += [(feed, requests.get(mailed.system.urls["events"] + feed, timeout=10).text) for feed in feeds]
    assert [name for name, text in texts if any(meeting in text for meeting in meetings)] == []
    assert all("BEGIN:VEVENT" in text for name, text in texts if name.endswith("all.ics"))


def test_no_text_becomes_a_tag(mailed: MailedSystem) -> None:
    template = Page(TEMPLATE.read_text())
    assert "script" not in template.tags
    for mail in mailed.mails:
        assert mail.page.tags <= template.tags
        assert mail.page.attributes <= template.attributes
        assert mail.page.comments == []


def test_placeholders_stay_unchanged(mailed: MailedSystem) -> None:
    number = TEXTS.index(PLACEHOLDERS)
    slots = {*WRITTEN, *SENT_OUT, "Idea"}
    shown = {slot for mail in mailed.mails for slot in slots if f"{slot}{number:02} {PLACEHOLDERS}" in mail.plain}
    assert shown == slots
    cut = f"Name{number:02} {PLACEHOLDERS}"[:50]
    assert any(f"Hello {cut}" in mail.plain for mail in mailed.mails)
    page = Page(Opening(mailed.system, mailed.mails).read("/embed/join-working-group"))
    assert FORM_TITLE in page.text


def test_opening_every_link_changes_nothing(mailed: MailedSystem) -> None:
    """As scanners of mail do it: by GET and HEAD, ahead of the reader and again, and what the pages link to as well."""
    opening = Opening(mailed.system, mailed.mails)
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
def test_pressing_a_button_is_seen(mailed: MailedSystem, family: str, button: str) -> None:
    """The control: the same comparison sees what a button does."""
    opening = Opening(mailed.system, mailed.mails)
    before = opening.contents()
    opening.press(family, button)
    found = changes(before, opening.contents())
    print(f"{len(found)} rows")
    assert found
