"""A coordinator creates a form in the console alone: questions, languages, preview, publishing; no one else can."""

import re
from html import unescape
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.integration.rights.conftest import OWN_SITE as HERE
from tests.integration.rights.conftest import Browser, ServicesUnderTest, as_holder, sign_in

NEW = "/console/registrations/new-form"
SLUG = "upr-webinar-11"
DRAFT = f"/console/registrations/form-drafts/{SLUG}"
FIRST = {"title": "Webinar #11", "slug": SLUG, "event": "", "start": "standard/webinar"}
SESSION = {
    "name": "session",
    "kind": "one_of",
    "label.en": "Which session?",
    "label.fr": "Quelle séance ?",
    "options": "morning = 20\r\nevening",
    "options.en": "Morning\r\nEvening",
    "options.ar": "\r\nمساء",
}


@pytest.fixture
def coordinator(services: ServicesUnderTest) -> Browser:
    """A coordinator, signed in."""
    browser = services.browser()
    sign_in(browser, services.give_key("a coordinator of forms", "coordinator"))
    return browser


def send(browser: Browser, path: str, **values: str) -> TestResponse:
    """Send a page of the draft as it is now."""
    seen = re.findall(r'name="seen" value="(\d+)"', browser.get(DRAFT).text)[0]
    return browser.post(path, headers=HERE, data={"seen": seen, **values})


def questions(browser: Browser) -> list[str]:
    """Names of the questions in their order."""
    return re.findall(r'</a><span class="under">(\w+)', browser.get(DRAFT).text)


def test_form_is_made_published_and_changed(services: ServicesUnderTest, coordinator: Browser) -> None:
    wrong = coordinator.post(NEW, headers=HERE, data={**FIRST, "slug": "Eleven", "title": ""})
    assert (wrong.status_code, wrong.text.count('class="fault"')) == (422, 2)
    assert coordinator.post(NEW, headers=HERE, data=FIRST).headers["Location"] == DRAFT
    again = coordinator.post(NEW, headers=HERE, data=FIRST)
    assert (again.status_code, f'<a href="{DRAFT}">Webinar #11</a>' in again.text) == (409, True)
    added = send(coordinator, f"{DRAFT}/questions/new", go="save", **SESSION)
    assert added.headers["Location"] == f"{DRAFT}#questions"
    assert questions(coordinator)[-2:] == ["session", "consent"]
    named = {"kind": "one_of", "label.en": "2nd session?", "options.en": "In the morning\r\nLater"}
    send(coordinator, f"{DRAFT}/questions/new", go="save", **named)
    assert questions(coordinator)[-2] == "q_2nd_session"
    assert "in-the-morning" in coordinator.get(f"{DRAFT}/questions/{len(questions(coordinator)) - 2}").text
    removal = f"remove:{len(questions(coordinator)) - 2}"
    asked = send(coordinator, DRAFT, go=removal)
    assert "Remove “<bdi>2nd session?</bdi>” from the draft?" in asked.text
    assert questions(coordinator)[-2] == "q_2nd_session"
    send(coordinator, DRAFT, go=removal, sure="yes")
    assert questions(coordinator)[-2] == "session"
    too_many = send(coordinator, f"{DRAFT}/questions/new", go="save", **{**SESSION, "options.fr": "Un\nDeux\nTrois"})
    assert (too_many.status_code, "more lines than choices" in too_many.text, "Trois" in too_many.text) == (
        422,
        True,
        True,
    )
    [(content,)] = services.rows("registration", "SELECT content FROM form_draft WHERE slug = %s", SLUG)
    assert content["fields"][-2]["options"] == [
        {"value": "morning", "label": {"en": "Morning"}, "limit": 20},
        {"value": "evening", "label": {"en": "Evening", "ar": "مساء"}},
    ]
    last = len(questions(coordinator)) - 2
    note = {"name": "note", "kind": "long_text", "label.en": "Why?", "when_field": "session", "when_equals": "night"}
    never = send(coordinator, f"{DRAFT}/questions/new", go="save", **note)
    assert (never.status_code, "“night” is not a choice of “Which session?”. Type one of: Evening" in never.text) == (
        422,
        True,
    )
    send(coordinator, f"{DRAFT}/questions/new", go="save", **note | {"when_equals": " مساء"})
    page = coordinator.get(DRAFT).text
    assert "Only if “Which session?” is Evening" in page
    assert "Limited places" in page
    send(coordinator, DRAFT, go=f"up:{last}")
    assert questions(coordinator)[last - 1] == "session"
    send(coordinator, DRAFT, go=f"move:{last - 1}:0")
    assert questions(coordinator)[0] == "session"
    send(coordinator, DRAFT, go=f"move:0:{last - 1}")
    before = questions(coordinator)
    assert before[last - 1] == "session"
    send(coordinator, DRAFT, go="move:0:99")
    assert questions(coordinator) == before
    assert send(coordinator, DRAFT, go="move:0").status_code == 400
    settings = {"title.en": "Webinar #11", "title.es": "Seminario n.º 11", "partners": "example-partner"}
    settings["verification"] = "none"
    saved = send(coordinator, DRAFT, go="settings", capacity="40", waiting_list="yes", **settings)
    assert "Saved in the draft." in coordinator.get(saved.headers["Location"]).text
    preview = coordinator.get(f"{DRAFT}/preview?lang=es")
    assert "Seminario n.º 11" in preview.text
    assert "form-action 'none'" in preview.headers["Content-Security-Policy"]
    assert ("<script" in preview.text, "Which session?" in preview.text) == (False, True)
    asked = send(coordinator, f"{DRAFT}/publish")
    assert "Yes, publish it" in asked.text
    assert "Addresses are not confirmed by mail on this form" in asked.text
    public = services.apps["registration"]
    assert public.get(f"/v1/forms/{SLUG}").status_code == 404
    published = send(coordinator, f"{DRAFT}/publish", go="do")
    assert published.headers["Location"] == f"/console/registrations/forms/{SLUG}?published=1"
    shown = public.get(f"/v1/forms/{SLUG}?lang=fr").get_json()
    asked_of = {field["name"]: field for field in shown["fields"]}
    assert (asked_of["session"]["label"], asked_of["note"]["shown_when"]) == (
        "Quelle séance ?",
        {"field": "session", "equals": "evening"},
    )
    assert services.rows(
        "registration", "SELECT capacity, partners FROM form JOIN seat ON form = slug WHERE slug = %s", SLUG
    ) == [(40, ["example-partner"])]
    again = coordinator.post(f"/console/registrations/forms/{SLUG}/draft", headers=HERE)
    assert again.headers["Location"] == DRAFT
    assert "The draft is the same as the published form." in coordinator.get(DRAFT).text
    send(coordinator, DRAFT, go=f"remove:{questions(coordinator).index('note')}", sure="yes")
    assert "Removed questions: note." in coordinator.get(DRAFT).text
    late = coordinator.post(DRAFT, headers=HERE, data={"seen": "1", "go": "up:1"})
    assert (late.status_code, "was changed after you opened the page" in late.text) == (412, True)
    assert "The draft is deleted." in send(coordinator, f"{DRAFT}/discard").text
    assert send(coordinator, f"{DRAFT}/discard", go="do").headers["Location"].endswith(f"/forms/{SLUG}")
    assert coordinator.get(DRAFT).headers["Location"] == f"/console/registrations/forms/{SLUG}"


def test_what_was_typed_is_kept_when_a_colleague_was_faster(services: ServicesUnderTest, coordinator: Browser) -> None:
    """A new question, one that has moved, one that was removed, and the settings: with the newer revision."""
    slug, changed = "typed-at-once", "What you typed is still here."
    path = f"/console/registrations/form-drafts/{slug}"
    coordinator.post(NEW, headers=HERE, data={**FIRST, "slug": slug})

    def stored() -> dict[str, Any]:
        [(content,)] = services.rows("registration", "SELECT content FROM form_draft WHERE slug = %s", slug)
        return dict(content)

    def post(page: str, seen: int, **typed: str) -> TestResponse:
        return coordinator.post(page, headers=HERE, data={"seen": str(seen), **typed})

    assert post(path, 1, go="down:2").status_code == 303
    late = post(f"{path}/questions/new", 1, go="save", was="", **SESSION)
    texts: tuple[str, ...] = (
        "Which session?",
        "Quelle séance ?",
        "morning = 20",
        "Evening",
        "مساء",
        changed,
        'name="seen" value="2"',
    )
    assert (late.status_code, [text for text in texts if text not in late.text]) == (412, [])
    assert post(f"{path}/questions/new", 2, go="save", was="", **SESSION).status_code == 303
    names = [one["name"] for one in stored()["fields"]]
    place = names.index("session")
    assert post(path, 3, go=f"move:{place}:0").status_code == 303
    renamed = {**SESSION, "label.en": "Which one?", "go": "save", "was": "session"}
    late = post(f"{path}/questions/{place}", 3, **renamed)
    texts = ("Which one?", f'action="{path}/questions/0"', "current version in: Question.", 'name="seen" value="4"')
    assert (late.status_code, [text for text in texts if text not in late.text]) == (412, [])
    assert post(path, 4, go="remove:0", sure="yes").status_code == 303
    late = post(f"{path}/questions/0", 4, **renamed)
    texts = ("Which one?", f'action="{path}/questions/new"', changed, "The question was removed from the draft")
    assert (late.status_code, [text for text in texts if text not in late.text]) == (412, [])
    settings = {"title.en": "Another title", "title.fr": "Autre titre", "capacity": "12", "waiting_list": "yes"}
    late = post(path, 4, go="settings", **settings)
    texts = ("Another title", "Autre titre", 'value="12"', "in: Title, Number of seats.", 'name="seen" value="5"')
    assert (late.status_code, [text for text in texts if text not in late.text]) == (412, [])
    assert (stored()["title"], "session" in [one["name"] for one in stored()["fields"]]) == (
        {"en": "Webinar #11"},
        False,
    )


def test_question_keeps_what_its_page_does_not_change(services: ServicesUnderTest, coordinator: Browser) -> None:
    """Our texts stay named by their key, so that they are still translated."""
    coordinator.post(NEW, headers=HERE, data={**FIRST, "slug": "kept", "start": "standard/delegation"})
    path = "/console/registrations/form-drafts/kept"
    before = services.rows("registration", "SELECT content FROM form_draft WHERE slug = 'kept'")[0][0]
    for position in range(len(before["fields"])):
        page = coordinator.get(f"{path}/questions/{position}").text
        values = dict(re.findall(r'<input[^>]*? name="([^"]*)"[^>]*? value="([^"]*)"', page))
        ticks = re.findall(r'type="checkbox" name="(\w+)" value="yes"( checked)?', page)
        for name, ticked in ticks:
            values.pop(name, None)
            if ticked:
                values[name] = "yes"
        for name, text in re.findall(r'<textarea id="[^"]*" name="([^"]*)"[^>]*>\n(.*?)</textarea>', page, re.DOTALL):
            values[name] = unescape(text)
        for name, body in re.findall(r'<select id="[^"]*" name="([^"]*)">(.*?)</select>', page, re.DOTALL):
            chosen = re.findall(r'value="([^"]*)" selected', body)
            values[name] = chosen[0] if chosen else ""
        sent = coordinator.post(f"{path}/questions/{position}", headers=HERE, data={**values, "go": "save"})
        assert sent.status_code == 303, sent.text
    [(after,)] = services.rows("registration", "SELECT content FROM form_draft WHERE slug = 'kept'")
    assert [_without_defaults(one) for one in after["fields"]] == [_without_defaults(one) for one in before["fields"]]


def _without_defaults(field: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in field.items() if value not in (False, None)}


def test_new_form_for_an_event_is_filled_in(coordinator: Browser) -> None:
    page = coordinator.get(f"{NEW}?event=upr-webinar-10").text
    assert offered_slug(page) == "upr-webinar-10-2"  # the event has a form with the same name
    assert '<option value="upr-webinar-10" selected>' in page
    assert '<option value="standard/webinar" selected>' in page
    assert "selected" in coordinator.get(f"{NEW}?event=no-such-event").text


def test_second_form_of_an_event_is_offered_a_free_short_name(coordinator: Browser) -> None:
    for free in ("upr-webinar-10-2", "upr-webinar-10-3"):
        page = coordinator.get(f"{NEW}?event=upr-webinar-10").text
        assert offered_slug(page) == free
        begun = coordinator.post(NEW, headers=HERE, data={**FIRST, "event": "upr-webinar-10", "slug": free})
        assert begun.headers["Location"] == f"/console/registrations/form-drafts/{free}"
    taken = coordinator.post(NEW, headers=HERE, data={**FIRST, "slug": "upr-webinar-10"})
    assert (taken.status_code, "upr-webinar-10-4 is free." in taken.text) == (422, True)
    by_title = [coordinator.post(NEW, headers=HERE, data={**FIRST, "slug": "", "title": "UPR webinar 10"})]
    by_title.append(coordinator.post(NEW, headers=HERE, data={**FIRST, "slug": "", "title": "w" * 80}))
    by_title.append(coordinator.post(NEW, headers=HERE, data={**FIRST, "slug": "", "title": "w" * 80}))
    assert [one.headers["Location"].rpartition("/")[2] for one in by_title] == [
        "upr-webinar-10-4",
        "w" * 80,
        "w" * 76,
    ]


def offered_slug(page: str) -> str:
    """The short name that a new form begins with."""
    (slug,) = re.findall(r'name="slug" maxlength="80" autocomplete="off" value="([^"]*)"', page)
    return str(slug)


def test_copy_of_a_form_has_its_questions(services: ServicesUnderTest, coordinator: Browser) -> None:
    copy = {**FIRST, "slug": "copied", "start": "form/upr-webinar-10", "title": "Copied"}
    coordinator.post(NEW, headers=HERE, data=copy)
    [(content,)] = services.rows("registration", "SELECT content FROM form_draft WHERE slug = 'copied'")
    [(first,)] = services.rows("registration", "SELECT definition FROM form WHERE slug = 'upr-webinar-10'")
    assert content["title"] == {"en": "Copied"}
    assert [one["name"] for one in content["fields"]] == [one["name"] for one in first["fields"]]


def test_nul_is_left_out_of_what_is_typed(services: ServicesUnderTest, coordinator: Browser) -> None:
    slug = "with-nul"
    coordinator.post(NEW, headers=HERE, data={**FIRST, "slug": slug})
    question = f"/console/registrations/form-drafts/{slug}/questions/new"
    seen = re.findall(r'name="seen" value="(\d+)"', coordinator.get(question).text)[0]
    typed = {"name": "city", "kind": "text", "label.en": "Your\0 city", "seen": seen, "go": "save"}
    assert coordinator.post(question, headers=HERE, data=typed).status_code == 303
    [(content,)] = services.rows("registration", "SELECT content FROM form_draft WHERE slug = %s", slug)
    assert [one["label"] for one in content["fields"] if one["name"] == "city"] == [{"en": "Your city"}]


def test_others_make_no_form(services: ServicesUnderTest) -> None:
    for name, role, more in (
        ("a viewer", "viewer", {}),
        ("an editor", "partner", {"partner": "example-partner"}),
        ("a limited one", "coordinator", {"forms": ["geneva-delegation"]}),
    ):
        browser = services.browser()
        sign_in(browser, services.give_key(name, role, **more))
        assert browser.get(NEW).status_code == 403
        assert browser.post(NEW, headers=HERE, data=FIRST).status_code == 403
        assert browser.post("/console/registrations/forms/upr-webinar-10/draft", headers=HERE).status_code == 403
        key = as_holder(services.give_key(f"{name} by program", role, **more))
        answer = services.apps["registration"].post("/v1/form-drafts/upr-webinar-10", json={}, headers=key)
        assert answer.status_code == 403
