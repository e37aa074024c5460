"""The language of responses: from the page around the form, else the browser, else the partner."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.registration.embed.strings import submission_texts
from shared.i18n.languages import LANGUAGES
from shared.public_forms.fields import engine_texts
from tests.support.clients import SUBMISSIONS, WEBINAR, answers, rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService

PARTNER = "example-partner"
ORDER = [
    ("ar", "fr", True, "ar"),
    ("zh-Hans-CN", "fr", True, "zh"),
    ("ES_mx", "fr", True, "es"),
    ("xx", "fr", True, "fr"),
    ("", "fr-CH,en;q=0.5", True, "fr"),
    ("", "pt,es;q=0.5", True, "es"),
    ("", "en;q=0.1,zh-Hant-TW;q=0.8,ar;q=0", True, "zh"),
    ("", "pt", True, "ru"),
    ("", "", True, "ru"),
    ("xx", "", False, "en"),
    ("", "", False, "en"),
]
"""(attribute, browser, through the partner, answered in)"""
MISSING = {language: engine_texts().text("error.required", language) for language in LANGUAGES}
"""The text for a missing answer."""


@pytest.fixture
def partnered(client: FlaskClient, installation: TestInstallation) -> FlaskClient:
    """The form is shown by a partner whose language is Russian."""
    url = installation.urls["registration"]
    rows(url, "UPDATE partner SET language = 'ru' WHERE slug = %s", PARTNER)
    assert rows(url, "SELECT %s = ANY(partners) FROM form", PARTNER) == [(True,)]
    return client


def asked(language: str, browser: str, through: bool) -> tuple[dict[str, str], dict[str, str]]:
    """What travels beside the answers, and the headers."""
    beside = {"lang": language, "partner": PARTNER if through else ""}
    return {name: value for name, value in beside.items() if value}, {"Accept-Language": browser} if browser else {}


def test_form_receipt_and_faults_are_in_the_language_asked_for(partnered: FlaskClient) -> None:
    """On the page, in the answer to a program, and in what is wrong with an answer."""
    content: dict[str, Any] = answers(1)
    del content["language"]
    for language, browser, through, expected in ORDER:
        beside, headers = asked(language, browser, through)
        page = partnered.get(f"/embed/{WEBINAR}", query_string=beside, headers=headers)
        assert re.findall(r'<html lang="(\w+)"', page.text) == [expected], (language, browser)
        wrong = partnered.post(SUBMISSIONS, json={**content, **beside, "email": ""}, headers=headers).get_json()
        assert wrong["errors"][0]["message"] == MISSING[expected], (language, browser)
        receipt = partnered.post(SUBMISSIONS, json={**content, **beside}, headers=headers).get_json()
        assert receipt["message"] == submission_texts(expected, "none")[0], (language, browser)


def test_mails_are_in_the_language_of_the_page_unless_an_answer_names_another(
    service: RegistrationService, partnered: FlaskClient
) -> None:
    for number, language in ((1, None), (2, "zh")):
        content = {**answers(number), "language": language, "lang": "ar"}
        assert service.submit({name: value for name, value in content.items() if value is not None}).status_code == 202
    service.decide()
    for number in (1, 2):
        assert service.confirm(f"participant-{number}@example.org") == ["confirmed"]
    for kind in ("confirmation.wanted.", "registration.confirmed."):
        assert sorted(message["data"]["language"] for message in service.messages(kind)) == ["ar", "zh"]
