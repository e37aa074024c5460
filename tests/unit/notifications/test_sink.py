"""The sink's folder and pages. Every mail is hostile: no bytes may break the inbox or run in it."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st

from deploy.local.sink.folder import MailFolder
from deploy.local.sink.pages import MAIL_POLICY, PAGE_POLICY, create_app
from deploy.local.sink.reading import summarise, view
from services.notifications.composing.rendering import render, write
from tests.support.mail_samples import sample

MAIL_ID = "1700000000000000000-00000000"
HOSTILE = (
    b'Subject: <script>alert(1)</script>\r\nTo: "><img src=x onerror=alert(1)>\r\n'
    b"Content-Type: text/html; charset=nonsense\r\n\r\n<script>alert(2)</script>"
)
CALENDAR = b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n"


@pytest.fixture
def folder(tmp_path: Path) -> MailFolder:
    """An empty sink."""
    return MailFolder(tmp_path / "mails")


@pytest.fixture
def client(folder: MailFolder) -> FlaskClient:
    """Its pages."""
    return create_app(folder).test_client()


def stored(folder: MailFolder, kind: str) -> str:
    """The identifier of one of our mails in the sink."""
    return folder.keep(b"Delivered-To: participant@example.org\r\n" + render(sample(kind, "ar")))


def test_mail_is_kept_whole_and_newest_first(folder: MailFolder, tmp_path: Path) -> None:
    first, second = folder.keep(b"one"), folder.keep(b"two")
    assert folder.identifiers() == [second, first]
    assert folder.read(first) == b"one"
    assert sorted(path.suffix for path in (tmp_path / "mails").iterdir()) == [".eml", ".eml"]


@pytest.mark.parametrize("name", ["", "../secret", MAIL_ID, "1700000000000000000-00000000/../x", "\x00"])
def test_other_names_than_identifiers_are_no_mails(folder: MailFolder, name: str) -> None:
    assert folder.read(name) is None


def test_mail_that_cannot_be_kept_leaves_nothing(folder: MailFolder, tmp_path: Path) -> None:
    (tmp_path / "mails").rmdir()
    with pytest.raises(OSError, match="No such file"):
        folder.keep(b"one")
    assert folder.identifiers() == []


def test_json_has_what_a_check_needs(folder: MailFolder, client: FlaskClient) -> None:
    mail_id = stored(folder, "confirmation")
    plain = stored(folder, "link")
    newest, oldest = found = client.get("/mails.json").get_json()
    assert [mail["id"] for mail in found] == [plain, mail_id]
    assert newest["calendar"] is None
    calendar: dict[str, Any] = oldest.pop("calendar")
    assert oldest.pop("received_at").endswith("Z")
    assert oldest == {
        "id": mail_id,
        "to": "participant@example.org",
        "subject": write(sample("confirmation", "ar")).subject,
        "message_id": "<01900000-0000-7000-8000-000000000001@example.org>",
    }
    assert {key: calendar[key] for key in ("method", "uid", "sequence", "dtstart", "status", "time_zone")} == {
        "method": "REQUEST",
        "uid": "entry-of-the-sample@register.example.org",
        "sequence": 0,
        "dtstart": "2020-03-04T14:00:00-05:00",
        "status": "CONFIRMED",
        "time_zone": "America/New_York",
    }
    assert client.get("/mails.json?to=other@example.org").get_json() == []


def test_page_of_a_mail_shows_its_parts_in_human_words(folder: MailFolder, client: FlaskClient) -> None:
    page = client.get(f"/mails/{stored(folder, 'cancelled-by-you')}").get_data(as_text=True)
    assert "remove the event from the calendar (CANCEL)" in page
    assert "Wednesday 4 March 2020, 14:00 (UTC-05:00), America/New_York" in page
    assert 'href="https://register.example.org/r/sample-link-that-opens-nothing"' in page
    assert '<iframe sandbox="" referrerpolicy="no-referrer"' in page


def test_hostile_mail_is_escaped_and_its_html_is_sealed(folder: MailFolder, client: FlaskClient) -> None:
    mail_id = folder.keep(HOSTILE)
    for path in ("/", f"/mails/{mail_id}"):
        answer = client.get(path)
        assert "<script" not in answer.get_data(as_text=True)
        assert "<img" not in answer.get_data(as_text=True)
        assert answer.headers["Content-Security-Policy"] == PAGE_POLICY
    inner = client.get(f"/mails/{mail_id}/html")
    assert inner.headers["Content-Security-Policy"] == MAIL_POLICY
    assert inner.get_data() == b"<script>alert(2)</script>"
    source = client.get(f"/mails/{mail_id}.eml")
    assert source.headers["Content-Disposition"] == f'attachment; filename="{mail_id}.eml"'
    assert source.get_data() == HOSTILE
    assert {answer.headers["X-Content-Type-Options"] for answer in (inner, source)} == {"nosniff"}


@pytest.mark.parametrize("path", ["/mails/x", f"/mails/{MAIL_ID}", f"/mails/{MAIL_ID}/html", "/mails/..%2fx.eml"])
def test_unknown_mail_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_empty_inbox_explains_what_to_do(client: FlaskClient) -> None:
    assert "No mail yet" in client.get("/").get_data(as_text=True)


@given(content=st.binary())
@example(HOSTILE)
@example(CALENDAR + b"DTSTART;TZID=Nowhere/Land:20200101T000000\r\nSEQUENCE:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
@example(CALENDAR + b"DTSTART:garbage\r\nDTSTART:20200101\r\nUID:a\r\nUID:b\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
@example(CALENDAR + b"DTSTART;VALUE=PERIOD:20200101T000000Z/PT1H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
@example(CALENDAR)
@example(b"Content-Type: text/calendar; charset=\x00\r\nSubject: =?x?q?=FF?= =?utf-8?b?/w==?=\r\n\r\n\xff")
@example(
    b"Content-Type: multipart/mixed; boundary=a\r\nContent-Disposition: x; filename*=bad'x'%FF\r\n\r\n--a\r\n\r\n--a--"
)
def test_no_bytes_break_the_reading(content: bytes) -> None:
    assert summarise(MAIL_ID, content) == view(MAIL_ID, content).summary


@given(lines=st.lists(st.text(max_size=30), max_size=6), at=st.integers(0, 30))
def test_no_calendar_breaks_the_reading(lines: list[str], at: int) -> None:
    source = CALENDAR.decode().split("\r\n")
    broken = "\r\n".join(source[:at] + lines + ["END:VEVENT", "END:VCALENDAR"])
    content = b"Content-Type: text/calendar; charset=utf-8\r\n\r\n" + broken.encode("utf-8", "replace")
    assert summarise(MAIL_ID, content).calendar is not None
