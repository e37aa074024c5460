"""A frame that cannot show the form sends the reason to the page that asks: its web editor sees the cause."""

import pytest
from flask.testing import FlaskClient

from tests.support.clients import rows
from tests.support.installation import TestInstallation

OURS, FOREIGN = "http://localhost:8001", "https://elsewhere.example.org"
FORM, PARTNER = "upr-webinar-10", "example-partner"

CASES = {
    "form-unknown": ("no-such-form", PARTNER, OURS, 404),
    "partner-unknown": (FORM, "nobody", OURS, 404),
    "origin-not-allowed": (FORM, PARTNER, FOREIGN, 403),
}


@pytest.mark.parametrize("cause", CASES)
@pytest.mark.parametrize("language", ["en", "ar"])
def test_cause_is_named_on_a_page_that_anyone_may_frame(client: FlaskClient, cause: str, language: str) -> None:
    form, partner, parent, status = CASES[cause]
    answer = client.get(f"/embed/{form}", query_string={"partner": partner, "parent": parent, "lang": language})
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert f'data-cause="{cause}"' in answer.text
    assert f'data-parent-origin="{parent}"' in answer.text
    assert "frame-ancestors *" in answer.headers["Content-Security-Policy"]
    assert (answer.text.count("<form"), f'lang="{language}"' in answer.text) == (0, True)


@pytest.mark.parametrize("claimed", ["", "javascript:alert(1)", "https://a.example/b", "*", 'https://a"onload="b'])
def test_claim_that_is_no_origin_is_not_repeated(client: FlaskClient, claimed: str) -> None:
    """And the form is shown in no frame."""
    answer = client.get(f"/embed/{FORM}", query_string={"partner": PARTNER, "parent": claimed})
    assert (answer.status_code, "data-cause" in answer.text, answer.text.count("<form")) == (200, False, 1)
    assert f"frame-ancestors {OURS}" in answer.headers["Content-Security-Policy"]
    assert not claimed or claimed not in answer.text
    unknown = client.get("/embed/no-such-form", query_string={"parent": claimed})
    assert (unknown.status_code, unknown.mimetype, "There is no form" in unknown.text) == (404, "text/html", True)
    assert not claimed or claimed not in unknown.text


def test_form_that_is_closed_reports_its_height(client: FlaskClient, installation: TestInstallation) -> None:
    rows(installation.urls["registration"], "UPDATE form SET open = false")
    answer = client.get(f"/embed/{FORM}", query_string={"partner": PARTNER, "parent": OURS})
    assert (f'data-parent-origin="{OURS}"' in answer.text, "framed.js" in answer.text) == (True, True)
