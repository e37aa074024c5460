"""The proposal form in partners' pages: who may frame it, on a real database."""

import re

import pytest
from werkzeug.test import TestResponse

from services.events.domain.partner import Partner
from services.events.loading.partners import read_partners
from services.events.usecases.load_partners import load_partners
from shared.store.unit_of_work import UnitOfWork
from tests.integration.events.conftest import SAMPLE
from tests.integration.events.side_events import Desk, an_answer

ORIGINS = ("https://partner.example.org", "https://www.partner.example.org:8443")
PARTNER = Partner("a-partner", "A partner", ORIGINS, "fr", {"accent": "#7a1f3d"})
FRAMED = {"partner": "a-partner", "parent": ORIGINS[0]}
FORM = {"name": "A", "email": "a@example.org", "title": "T", "summary": "S", "attendance": "20", "consent": "yes"}
PAGE = {"Accept": "text/html"}


@pytest.fixture
def desk(desk: Desk, loaded: UnitOfWork) -> Desk:
    """A coordinator in the scenario, with a partner."""
    load_partners(loaded, [PARTNER])
    return desk


def ancestors(answer: TestResponse) -> str:
    """Who may frame an answer."""
    found = re.search(r"frame-ancestors ([^;]*)$", answer.headers["Content-Security-Policy"])
    assert found is not None
    return found[1]


def test_exactly_the_partners_origins_may_frame_the_form(desk: Desk) -> None:
    shown = desk.client.get("/propose", query_string=FRAMED)
    assert (shown.status_code, ancestors(shown)) == (200, " ".join(ORIGINS))
    assert "X-Frame-Options" not in shown.headers
    assert (f'data-parent-origin="{ORIGINS[0]}"' in shown.text, "/propose/framed.js" in shown.text) == (True, True)
    assert "Set-Cookie" not in shown.headers


NO_PARTNERS = ["", "nobody", "A-PARTNER", "a-partner'", "a" * 5000, "\x00"]


@pytest.mark.parametrize("partner", NO_PARTNERS)
def test_nobody_may_frame_the_form_of_no_partner(desk: Desk, partner: str) -> None:
    shown = desk.client.get("/propose", query_string={"partner": partner})
    assert (shown.status_code, ancestors(shown), shown.headers["X-Frame-Options"]) == (200, "'none'", "DENY")
    assert ("data-parent-origin" in shown.text, "<form" in shown.text) == (False, True)


@pytest.mark.parametrize("partner", NO_PARTNERS)
def test_page_that_names_no_partner_is_told_so_without_the_form(desk: Desk, partner: str) -> None:
    shown = desk.client.get("/propose", query_string=FRAMED | {"partner": partner})
    assert (shown.status_code, ancestors(shown)) == (404, "*")
    assert ('data-cause="partner-unknown"' in shown.text, "<form" in shown.text) == (True, False)


@pytest.mark.parametrize("parent", ["https://other.example.org", f"{ORIGINS[0]}.example.com"])
def test_page_of_another_origin_is_told_so_without_the_form(desk: Desk, parent: str) -> None:
    shown = desk.client.get("/propose", query_string=FRAMED | {"parent": parent})
    assert (shown.status_code, ancestors(shown)) == (403, "*")
    assert ('data-cause="origin-not-allowed"' in shown.text, "<form" in shown.text) == (True, False)


@pytest.mark.parametrize("parent", ["", f"{ORIGINS[0]}/", "null", "*"])
def test_page_speaks_to_no_other_origin(desk: Desk, parent: str) -> None:
    shown = desk.client.get("/propose", query_string=FRAMED | {"parent": parent})
    assert (ancestors(shown), "data-parent-origin" in shown.text, "<script" in shown.text) == (
        " ".join(ORIGINS),
        False,
        False,
    )


def test_every_answer_to_the_form_may_be_framed_as_the_form_was(desk: Desk) -> None:
    refused = desk.client.post("/v1/proposals", data=FORM | FRAMED | {"attendance": "many"}, headers=PAGE)
    taken = desk.client.post("/v1/proposals", data=FORM | FRAMED, headers=PAGE)
    for answer, status, outcome in ((refused, 422, "refused"), (taken, 201, "proposed")):
        assert (answer.status_code, ancestors(answer)) == (status, " ".join(ORIGINS))
        assert f'data-outcome="{outcome}"' in answer.text
        assert "partner=a-partner" in answer.text
    assert 'name="parent" value="https://partner.example.org"' in refused.text
    outside = desk.client.post("/v1/proposals", data=FORM, headers=PAGE)
    assert (ancestors(outside), "data-outcome" in outside.text) == ("'none'", False)


def test_coordinators_see_through_whose_page_it_came(desk: Desk) -> None:
    desk.client.post("/v1/proposals", data=FORM | FRAMED, headers=PAGE)
    desk.propose("By a program", partner="a-partner")
    desk.propose("Of no partner", partner="nobody")
    listed = desk.client.get("/v1/proposals", headers=desk.headers).get_json()["items"]
    assert [item["partner"] for item in listed] == ["a-partner", "a-partner", None]
    assert "through the page of a-partner" in desk.client.get("/console/side-events", headers=desk.headers).text


def test_partner_that_is_no_text_is_no_partner(desk: Desk) -> None:
    assert desk.client.post("/v1/proposals", json=an_answer("T") | {"partner": ["a-partner"]}).status_code == 201
    assert desk.client.get("/v1/proposals", headers=desk.headers).get_json()["items"][0]["partner"] is None


def test_look_is_the_partners_unless_the_address_says_otherwise(desk: Desk) -> None:
    own = desk.client.get("/propose", query_string=FRAMED)
    assert ('lang="fr"' in own.text, "--troika-accent:#7a1f3d" in own.text) == (True, True)
    nonce = re.search(r'<style nonce="([^"]+)">', own.text)
    assert nonce is not None
    assert f"style-src 'self' 'nonce-{nonce[1]}'" in own.headers["Content-Security-Policy"]
    asked = desk.client.get("/propose", query_string=FRAMED | {"accent": "#00ff00", "theme": "dark", "lang": "ar"})
    assert ("--troika-accent:#00ff00" in asked.text, 'data-theme="dark"' in asked.text) == (True, True)
    cheat = desk.client.get("/propose", query_string=FRAMED | {"accent": "red}</style><script>", "font": "x;}"})
    assert "<script>" not in cheat.text


def test_pages_that_are_nobodys_to_frame_stay_so(desk: Desk) -> None:
    path = desk.link(desk.propose("One"))
    for address in (path, "/programme/timetable", "/programme"):
        answer = desk.client.get(address, query_string=FRAMED)
        assert ancestors(answer) == "'none'", address


def test_scripts_are_there_and_nothing_else(desk: Desk) -> None:
    for name, word in (("framed", "reportHeight"), ("parent", "postMessage")):
        answer = desk.client.get(f"/propose/{name}.js")
        assert (answer.mimetype, word in answer.text) == ("text/javascript", True)
        answer.close()
    assert [desk.client.get(f"/propose/{name}.js").status_code for name in ("side", "..%2fpages")] == [404, 404]


def test_folder_of_the_scenario_can_be_loaded_again_and_elsewhere(desk: Desk, loaded: UnitOfWork) -> None:
    load_partners(loaded, read_partners(SAMPLE))
    here = desk.client.get("/propose?partner=example-partner")
    load_partners(loaded, read_partners(SAMPLE, {"example-partner": "http://localhost:9999"}))
    moved = desk.client.get("/propose?partner=example-partner")
    assert (ancestors(here), ancestors(moved)) == ("http://localhost:8001", "http://localhost:9999")
