"""The parts of a mail, kind by kind; no input becomes markup or a header."""

import re
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from html import escape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from services.notifications.composing.mime import UnusableAddress
from services.notifications.composing.model import WORDED_KINDS, CalendarEntry
from services.notifications.composing.rendering import render
from services.notifications.composing.texts import wording
from services.notifications.mails.kinds import CANCELLED, REMINDER_KINDS
from shared.i18n.languages import LANGUAGES
from tests.support.mail_samples import REVIEW, SAMPLE, SAMPLE_EVENT, contexts, sample
from tests.unit.notifications.hostile_text import CLICKABLE, hostile
from tests.unit.notifications.parsed_mails import (
    CALENDAR_KINDS,
    HEADERS,
    JOIN,
    JOINING,
    LINK,
    LINKS,
    STRUCTURE,
    VIEW,
    WITHOUT_CALENDAR,
    Links,
    part,
    received,
)

ABOUT_THE_WEBINAR = (
    "confirmation",
    "waiting-list",
    "promotion",
    "cancelled-by-you",
    "changed",
    "link",
    "reminder-7-days",
    "reminder-1-day",
    "reminder-1-hour",
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", WORDED_KINDS)
def test_mail_has_exactly_these_headers_and_parts(kind: str, language: str) -> None:
    message = received(sample(kind, language))
    assert sorted(message.keys()) == sorted(HEADERS)
    assert [found.get_content_type() for found in message.walk()] == STRUCTURE[kind]
    assert message["From"] == "UPR coordinators <coordinators@example.org>"
    assert message["To"] == "participant@example.org"
    context = sample(kind, language)
    title = context.event.title if context.event else context.title
    assert message["Subject"] == wording(language).subject[context.text].format(title=title)
    assert message["Date"].datetime == SAMPLE.now
    assert message["Message-ID"] == f"<{SAMPLE.mail_id}@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == language


@pytest.mark.parametrize("kind", CALENDAR_KINDS)
def test_calendar_is_in_the_alternative_and_attached(kind: str) -> None:
    message = received(sample(kind, "en"))
    parts = list(message.walk())
    method = "CANCEL" if kind in ("cancelled-by-you", "event-postponed", "event-cancelled") else "REQUEST"
    assert parts[4]["Content-Type"].params == {"charset": "utf-8", "method": method}
    assert parts[5].get_filename() == "invite.ics"
    assert parts[5].get_content_disposition() == "attachment"
    assert parts[4].get_payload(decode=True) == parts[5].get_payload(decode=True)


def test_no_boundary_begins_with_another() -> None:
    """A reader may compare no more than the start of a line (RFC 2046, 5.1.1)."""
    boundaries = [str(found.get_boundary()) for found in received(SAMPLE).walk() if found.is_multipart()]
    assert len(boundaries) == 2
    assert not any(one.startswith(other) for one in boundaries for other in boundaries if one is not other)


@pytest.mark.parametrize("kind", WORDED_KINDS)
def test_mail_is_seven_bit_with_crlf(kind: str) -> None:
    content = render(sample(kind, "zh"))
    assert content.isascii()
    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    assert max(len(line) for line in content.split(b"\r\n")) <= 998


@pytest.mark.parametrize("name", [name for name, _context in contexts("es")])
def test_text_and_html_link_to_the_same_places(name: str) -> None:
    message = received(dict(contexts("es"))[name])
    expected = LINKS.get(name, [LINK])
    links = Links()
    links.feed(part(message, "html"))
    assert links.hrefs == expected
    assert re.findall(r"https?://\S+", part(message, "plain")) == expected


def test_repeated_attempt_renders_the_same_bytes() -> None:
    assert render(SAMPLE) == render(SAMPLE)


def test_stored_message_id_is_kept() -> None:
    message = message_from_bytes(render(SAMPLE, "<stored@elsewhere.example.org>"), policy=default)
    assert message.get_all("Message-ID") == ["<stored@elsewhere.example.org>"]


def test_times_are_in_the_events_zone_then_the_readers_then_utc() -> None:
    text = part(received(sample("confirmation", "en")), "plain").replace("\u00a0", " ")
    assert [line for line in text.splitlines() if line.startswith("- ")] == [
        "- Wednesday 4 March 2020 · 2:00 – 3:30 PM · New York time (EST, UTC−5)",
        "- Your time: Wednesday 4 March 2020 · 10:00 – 11:30 PM · Nairobi time (EAT, UTC+3)",
        "- Wednesday 4 March 2020 · 7:00 – 8:30 PM UTC",
    ]


def test_event_without_a_date_has_no_calendar_and_states_it() -> None:
    event = replace(SAMPLE_EVENT, status="postponed", starts_at=None, ends_at=None)
    message = received(replace(SAMPLE, event=event))
    assert [found.get_content_type() for found in message.walk()] == WITHOUT_CALENDAR
    assert wording("en").date_open in part(message, "plain")
    assert wording("en").calendar_attached not in part(message, "plain")


def test_tentative_date_is_called_tentative() -> None:
    message = received(replace(SAMPLE, event=replace(SAMPLE_EVENT, status="tentative")))
    assert wording("en").tentative in part(message, "plain")
    assert wording("en").tentative in part(message, "html")


@pytest.mark.parametrize("changes", [{"status": "tentative"}, {"status": "postponed", "starts_at": None}])
def test_cancelled_person_is_promised_no_further_mail(changes: dict[str, Any]) -> None:
    text = part(received(replace(sample(CANCELLED, "en"), event=replace(SAMPLE_EVENT, **changes))), "plain")
    assert SAMPLE_EVENT.title in text
    assert "we will write" not in text.lower()


def test_name_is_shown_only_once_the_address_is_confirmed() -> None:
    unconfirmed = replace(SAMPLE.recipient, name="Canary Name")
    known = replace(unconfirmed, address_confirmed=True)
    assert b"Canary Name" in render(replace(SAMPLE, recipient=known))
    for kind in WORDED_KINDS:
        message = received(replace(SAMPLE, kind=kind, recipient=unconfirmed))
        everything = " ".join(str(found.get_payload(decode=True)) for found in message.walk())
        assert "Canary" not in everything + str(message.items())


def test_requested_own_link_is_worded_carefully_and_gives_the_link() -> None:
    text = part(received(sample("link", "en")), "plain")
    assert wording("en").lead["link"] in text
    assert JOIN not in text
    assert LINK in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_confirmation_is_asked_for_without_event_form_or_name(language: str) -> None:
    words, message = wording(language), received(sample("verification", language))
    plain, html = part(message, "plain"), part(message, "html")
    assert message["Subject"] == words.heading["verification"]
    paragraphs = words.lead["verification"].split("\n\n")
    assert len(paragraphs) == 3
    for paragraph in paragraphs:
        assert paragraph in plain
        assert f'<p style="margin:0 0 12px;">{escape(paragraph)}</p>' in html
    assert re.findall(r"https://[^\s\"<]+", plain) == [LINK.replace("/r/", "/c/")]
    for word in ("participant", "Webinar", "upr-webinar-10", "UPR Webinar"):
        assert word not in plain.replace("UPR coordinators", "")
        assert word not in html


def test_updated_invitation_goes_only_to_people_with_a_seat() -> None:
    assert wording("en").calendar_updated in part(received(sample("changed", "en")), "plain")
    waiting = replace(sample("changed", "en"), entry=CalendarEntry("entry-of-the-sample", 1, False, "t"))
    assert wording("en").calendar_updated not in part(received(waiting), "plain")
    assert b"text/calendar" not in render(waiting)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "a@",
        "@b",
        "a@b@c",
        "a b@example.org",
        "a@example.org\r\nBcc: x@y",
        "a@exa\x00mple.org",
        "<a@b>, c@d",
        "ä@b",
    ],
)
def test_address_that_is_not_one_mailbox_is_refused(address: str) -> None:
    with pytest.raises(UnusableAddress) as caught:
        render(replace(SAMPLE, recipient=replace(SAMPLE.recipient, address=address)))
    assert len(address) < 2 or address not in str(caught.value)


def test_domain_outside_ascii_is_sent_as_idna() -> None:
    message = received(replace(SAMPLE, recipient=replace(SAMPLE.recipient, address="a@exämple.org")))
    assert message["To"] == "a@xn--exmple-cua.org"


AGENDA = (
    """Agenda:
1. https://example.org/brief?a=1&b=2
2. questions to team@example.org

Bring your notes from www.example.org. """
    + "And more. " * 100
)
"""As a coordinator may write it: links, addresses, empty lines, more than 600 characters."""


@pytest.mark.parametrize("kind", ["confirmation", "promotion", "event-changed", "reminder-1-day", "remote-possible"])
def test_what_a_coordinator_wrote_reaches_mail_and_calendar_unchanged(kind: str) -> None:
    title, place = "Meet team@example.org at www.example.org: #10", "Room XX, example.org"
    event = replace(SAMPLE_EVENT, title=title, summary=AGENDA.strip(), place=place, city="Geneva", mode="hybrid")
    context = sample(kind, "en")
    message = received(replace(context, event=event))
    assert message["Subject"] == wording("en").subject[kind].format(title=title)
    plain = part(message, "plain").replace("\r\n", "\n")
    assert all(text in plain for text in (title, f"{place}, Geneva", AGENDA.strip()))
    links = Links()
    links.feed(part(message, "html"))
    assert "https://example.org/brief?a=1&b=2" in links.hrefs
    if context.calendar_method is not None:
        calendar = next(found for found in message.walk() if found.get_content_type() == "text/calendar")
        (entry,) = Calendar.from_ical(calendar.get_content()).walk("VEVENT")
        assert (str(entry["SUMMARY"]), str(entry["LOCATION"])) == (title, f"{place}, Geneva, Online")
        assert str(entry["DESCRIPTION"]).startswith(AGENDA.strip())


def test_text_of_coordinators_keeps_its_lines_and_links() -> None:
    context = sample("proposal-returned", "en")
    note = "Please read https://example.org/rules\nand write to team@example.org.\n\nThank you. " + "x" * 2500
    message = received(replace(context, note=note))
    quoted = [line[2:] for line in part(message, "plain").splitlines() if line.startswith("> ") or line == ">"]
    assert "\n".join(quoted) == note
    links = Links()
    links.feed(part(message, "html"))
    assert "https://example.org/rules" in links.hrefs


@given(title=hostile, summary=hostile, kind=st.sampled_from(("confirmation", "reminder-1-day", "event-changed")))
def test_words_of_a_side_event_are_its_proposer_s_and_become_no_link(title: str, summary: str, kind: str) -> None:
    event = replace(SAMPLE_EVENT, kind="side_event", title=title, summary=summary)
    message = received(replace(sample(kind, "en"), event=event))
    text = part(message, "plain").replace(JOINING, "").replace(LINK, "").replace(VIEW, "")
    assert CLICKABLE.findall(text + str(message["Subject"])) == []


@given(name=hostile, title=hostile, organisation=hostile, summary=hostile, kind=st.sampled_from(ABOUT_THE_WEBINAR))
def test_no_text_becomes_a_header_a_link_or_a_tag(
    name: str, title: str, organisation: str, summary: str, kind: str
) -> None:
    """Coordinators' words too make no header, part or tag; links can be made by them alone."""
    recipient = replace(SAMPLE.recipient, name=name, address_confirmed=True)
    event = replace(SAMPLE_EVENT, kind="side_event", title=title, summary=summary, mode="hybrid")
    context = replace(SAMPLE, kind=kind, recipient=recipient, event=event, organiser_name=organisation)
    message = received(context)
    assert sorted(message.keys()) == sorted(HEADERS)
    assert message.defects == []
    assert [address.addr_spec for address in message["From"].addresses] == ["coordinators@example.org"]
    assert [address.addr_spec for address in message["To"].addresses] == ["participant@example.org"]
    assert [found.get_content_type() for found in message.walk()] == STRUCTURE[kind]
    text = part(message, "plain").replace(JOINING, "").replace(LINK, "").replace(VIEW, "")
    assert CLICKABLE.findall(text) == []
    assert CLICKABLE.findall(str(message["Subject"])) == []
    links = Links()
    links.feed(part(message, "html"))
    assert set(links.hrefs) <= {LINK, JOINING, VIEW}
    assert "script" not in links.tags


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["confirmation", "promotion", *REMINDER_KINDS, "event-rescheduled"])
def test_main_button_joins_where_there_is_something_to_join(kind: str, language: str) -> None:
    context = replace(sample(kind, language), event=SAMPLE_EVENT)
    words = wording(language)
    html = part(received(context), "html")
    assert re.findall(r'<a class="button" href="([^"]*)"[^>]*>([^<]*)</a>', html) == [(JOINING, words.join)]
    assert (words.open_link if context.recipient.token else words.see_link) in html


@pytest.mark.parametrize(
    "changes",
    [
        {"event": REVIEW},
        {"event": replace(SAMPLE_EVENT, status="cancelled")},
        {"event": replace(SAMPLE_EVENT, status="postponed", starts_at=None)},
        {"event": replace(SAMPLE_EVENT, join_url=None)},
        {"kind": "link"},
        {"recipient": replace(SAMPLE.recipient, status="waitlisted")},
        {"recipient": replace(SAMPLE.recipient, form_kind="interest")},
    ],
)
def test_main_button_leads_to_the_registration_where_there_is_nothing_to_join(changes: dict[str, Any]) -> None:
    html = part(received(replace(SAMPLE, **changes)), "html")
    assert re.findall(r'<a class="button" href="([^"]*)"', html) == [LINK]
    assert JOINING not in html


def test_registration_whose_join_link_has_ended_is_not_led_to_the_meeting() -> None:
    html = part(received(replace(SAMPLE, recipient=replace(SAMPLE.recipient, join=""))), "html")
    assert (LINK in html, "/j/" in html) == (True, False)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_mail_and_no_calendar_holds_the_address_of_the_meeting(language: str) -> None:
    for _name, context in contexts(language):
        message = received(context)
        assert JOIN not in " ".join(str(found.get_payload(decode=True)) for found in message.walk())


@pytest.mark.parametrize("language", LANGUAGES)
def test_mail_without_a_managing_link_explains_its_links(language: str) -> None:
    words = wording(language)
    sentences = {
        "confirmation": words.keep_private,
        "reminder-1-day": words.keep_private_join,
        "event-changed": words.keep_private_view,
    }
    for kind, sentence in sentences.items():
        text = part(received(sample(kind, language)), "plain")
        found = [one for one in sentences.values() if "".join(one.split()) in "".join(text.split())]
        assert found == [sentence], kind


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", WORDED_KINDS)
def test_no_subject_names_a_working_group(kind: str, language: str) -> None:
    context = sample(kind, language, "working_group")
    assert "Canary" not in str(received(replace(context, group="Canary group"))["Subject"])


def test_bulletin_has_a_list_id_and_no_other_mail_has() -> None:
    """RFC 2919: the same for every bulletin, for any language of the recipient."""
    found = {name: received(context)["List-Id"] for name, context in contexts("ar")}
    assert found.pop("bulletin") == "<bulletins.example.org>"
    assert set(found.values()) == {None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_mail_explains_the_effect_of_its_invitation_on_the_calendar(language: str) -> None:
    words = wording(language)
    context = sample("event-rescheduled", language)
    sentences = {
        "moved": context,
        "attached": replace(context, before=None),
        "updated": sample("event-changed", language),
        "removed": sample("event-cancelled", language),
    }
    for effect, mail in sentences.items():
        text = " ".join(part(received(mail), "plain").split())
        shown = [name for name in sentences if getattr(words, f"calendar_{name}") in text]
        assert shown == [effect]


@pytest.mark.parametrize(
    "join",
    [
        "javascript:alert(1)",
        "https://",
        'https://x.example/"onclick=',
        "https://x.example/ b",
        "file:///etc",
        "//x.example",
        "h",
    ],
)
def test_join_address_that_is_not_plain_http_is_no_link(join: str) -> None:
    message = received(replace(SAMPLE, event=replace(SAMPLE_EVENT, join_url=join)))
    links = Links()
    links.feed(part(message, "html"))
    assert links.hrefs == [LINK]
