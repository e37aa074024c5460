"""Adding a recording to an event in the console, publishing and hiding it, and refusing wrong events."""

import json
import re
from collections.abc import Mapping
from typing import Any

from flask.testing import FlaskClient

from shared.db.unit_of_work import UnitOfWork
from tests.integration.events.builders import WEBINAR, rows
from tests.integration.events.test_event_forms import _faults, _send, _typed, signed_in
from tests.support.signed_in import enter

__all__ = ["signed_in"]

NEW = f"/console/events/{WEBINAR}/new-resource"
RECORDING: dict[str, Any] = {
    "title.en": "Recording",
    "kind": "recording",
    "url": "https://videos.example.org/10",
    "language": "en",
}
MADE = f"{WEBINAR}-recording"
PATH = f"/console/events/{WEBINAR}/resources/{MADE}"
STATE = f"SELECT title ->> 'en', published, announced, event FROM resource WHERE id = '{MADE}'"
MESSAGES = f"SELECT body FROM outbox WHERE subject = '{MADE}' ORDER BY id"


def _shown(work: UnitOfWork) -> list[bool]:
    """Whether it is published, by each message about it."""
    return [json.loads(bytes(body))["data"]["published"] for (body,) in rows(work, MESSAGES)]


def test_a_recording_is_added_hidden_and_then_published_and_hidden(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    assert NEW in signed_in.get(f"/console/events/{WEBINAR}").text
    made = _send(signed_in, NEW, RECORDING)
    assert made.headers["Location"] == f"/console/events/{WEBINAR}?done=resource-kept#resources"
    assert (rows(loaded, STATE), _shown(loaded)) == ([("Recording", False, False, WEBINAR)], [])
    assert ">Hidden</span>" in signed_in.get(f"/console/events/{WEBINAR}").text
    for published in ("yes", "", "yes"):
        typed = {name: value for name, value in _typed(signed_in.get(PATH)).items() if name != "published"}
        assert _send(signed_in, PATH, typed, published=published).status_code == 303
    assert (rows(loaded, STATE), _shown(loaded)) == ([("Recording", True, True, WEBINAR)], [True, False, True])
    assert "It has already been announced" in signed_in.get(PATH).text
    assert "https://videos.example.org/10" in signed_in.get(f"/programme/{WEBINAR}").text


def test_faults_are_at_their_fields(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    answer = _send(signed_in, NEW, RECORDING | {"url": "http://videos.example.org", "published": "yes"})
    assert (answer.status_code, list(_faults(answer))) == (422, ["url"])
    assert _typed(answer)["published"] == ["yes"]
    empty = _send(signed_in, NEW, {"kind": "party"})
    assert list(_faults(empty)) == ["title.en", "kind", "url", "language"]
    taken = _send(signed_in, NEW, RECORDING | {"id": f"{WEBINAR}-slides"})
    assert _faults(taken) == {"id": f"This cannot be done: there is a resource {WEBINAR}-slides already."}
    draft = _send(signed_in, "/console/events/upr-cities-training/new-resource", RECORDING | {"published": "yes"})
    assert _faults(draft) == {"published": "Published must wait until its event is announced."}
    assert rows(loaded, STATE) == []


def test_who_was_slower_sees_what_is_stored_now(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    _send(signed_in, NEW, RECORDING)
    typed = _typed(signed_in.get(PATH))
    _send(signed_in, PATH, typed, **{"title.en": "Recording in English"})
    late = _send(signed_in, PATH, typed, language="fr")
    assert (late.status_code, rows(loaded, STATE)[0][0]) == (412, "Recording in English")
    assert 'id="title.en-stored">Stored now: Recording in English</p>' in late.text
    assert _typed(late)["language"] == ["fr"]
    assert _send(signed_in, PATH, _typed(late), **{"title.en": "Recording in French"}).status_code == 303
    assert rows(loaded, STATE)[0][0] == "Recording in French"


def test_a_fault_of_a_change_is_named(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    _send(signed_in, NEW, RECORDING)
    typed = _typed(signed_in.get(PATH))
    assert list(_faults(_send(signed_in, PATH, typed, **{"title.en": ""}))) == ["title.en"]
    assert list(_faults(_send(signed_in, PATH, typed, url="ftp://x"))) == ["url"]
    assert rows(loaded, STATE)[0][0] == "Recording"


def test_a_resource_of_another_event_is_not_found_here(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    _send(signed_in, NEW, RECORDING)
    other = PATH.replace(f"events/{WEBINAR}", "events/upr-review")
    typed = _typed(signed_in.get(PATH))
    assert [signed_in.get(other).status_code, _send(signed_in, other, typed, **{"title.en": "X"}).status_code] == [
        404,
        404,
    ]
    assert signed_in.get(f"/console/events/{WEBINAR}/resources/none").status_code == 404
    assert rows(loaded, STATE)[0][0] == "Recording"


def test_a_viewer_and_another_site_write_nothing(
    loaded: UnitOfWork, signed_in: FlaskClient, keys: Mapping[str, str]
) -> None:
    assert signed_in.post(NEW, data=RECORDING, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    enter(signed_in, keys["viewer"])
    slides = f"/console/events/{WEBINAR}/resources/{WEBINAR}-slides"
    assert [signed_in.get(path).status_code for path in (NEW, slides)] == [403, 403]
    assert [_send(signed_in, path, RECORDING).status_code for path in (NEW, slides)] == [403, 403]
    page = signed_in.get(f"/console/events/{WEBINAR}").text
    assert ("Slides of UPR Webinar" in page, re.findall("new-resource|resources/", page)) == (True, [])
    assert rows(loaded, "SELECT count(*)::int FROM resource WHERE title ->> 'en' = 'Recording'") == [(0,)]
