"""What browsers get in place of a problem."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest
from flask import Flask
from werkzeug.exceptions import MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.test import TestResponse

from shared.http.error_pages import Why, busy_page
from shared.http.problems import handle_problems
from shared.runtime.errors import DomainError, Quarantined, Unavailable
from shared.runtime.logs import caused_by


@pytest.mark.parametrize(
    ("seconds", "language", "words"),
    [
        (1, "en", "wait 1 second and"),
        (2, "en", "wait 2 seconds and"),
        (1, "ru", "Подождите 1 секунду и"),
        (2, "ru", "Подождите 2 секунды и"),
        (5, "ru", "Подождите 5 секунд и"),
        (2, "ar", "الانتظار ثانيتين ثم"),
        (11, "ar", "الانتظار 11 ثانية ثم"),
        (2, "fr", "attendre 2 secondes et"),
    ],
)
def test_seconds_have_the_form_of_their_number(seconds: int, language: str, words: str) -> None:
    headers, body = busy_page(seconds, language)
    assert words in body.decode()
    assert dict(headers)["Content-Language"] == language


@pytest.mark.parametrize("why", ["busy", "too-many", "quarantine"])
def test_policy_allows_the_style_of_the_page_and_nothing_else(why: Why) -> None:
    headers, body = busy_page(60, "en", why)
    [style] = re.findall(r"<style>(.*?)</style>", body.decode())
    digest = b64encode(sha256(style.encode()).digest()).decode()
    parts = dict(part.strip().split(" ", 1) for part in dict(headers)["Content-Security-Policy"].split(";"))
    assert (parts["default-src"], parts["style-src"]) == ("'none'", f"'sha256-{digest}'")


@pytest.mark.parametrize(
    ("seconds", "words"), [(30, "через 1 минуту"), (120, "через 2 минуты"), (300, "через 5 минут")]
)
def test_minutes_have_the_form_of_their_number(seconds: int, words: str) -> None:
    assert words in busy_page(seconds, "ru", "too-many")[1].decode()


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def away(outage: Unavailable, accept: str, path: str = "/") -> TestResponse:
    """The answer to a request that needs something that is down."""
    app = Flask("test")
    handle_problems(app, {})

    def fail() -> str:
        raise outage

    app.add_url_rule("/", view_func=fail, methods=["GET", "POST"])
    return app.test_client().get(path, headers={"Accept": accept, "Accept-Language": "ru"})


@pytest.mark.parametrize(("path", "language", "title"), [("/", "ru", "Сайт"), ("/?lang=fr", "fr", "Le site")])
def test_browser_reads_about_an_outage_in_its_language(path: str, language: str, title: str) -> None:
    page = away(Unavailable("the database is down"), BROWSER, path)
    assert (page.status_code, page.mimetype, page.headers["Content-Language"]) == (503, "text/html", language)
    assert 2 <= int(page.headers["Retry-After"]) <= 10
    assert (f"<h1>{title}" in page.text, "the database is down" in page.text) == (True, False)
    assert "frame-ancestors *" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize("accept", ["application/json", "*/*", ""])
def test_program_gets_an_outage_as_a_problem(accept: str) -> None:
    answer = away(Unavailable("the database is down"), accept)
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert (answer.get_json(force=True)["code"], "Retry-After" in answer.headers) == ("unavailable", True)


def test_browser_reads_that_the_database_is_restored() -> None:
    quarantined = Quarantined("restored")
    page = away(quarantined, BROWSER)
    assert (page.status_code, page.headers["Retry-After"]) == (503, str(round(quarantined.retry_after_s)))
    assert page.text == busy_page(round(quarantined.retry_after_s), "ru", "quarantine")[1].decode()


def refused(error: Exception, accept: str = BROWSER) -> TestResponse:
    """The answer to a request for which ``error`` is raised."""
    app = Flask("test")
    app.config["PROPAGATE_EXCEPTIONS"] = False
    handle_problems(app, {})

    def fail() -> str:
        raise error

    app.add_url_rule("/", view_func=fail)
    return app.test_client().get("/", headers={"Accept": accept, "Accept-Language": "fr"})


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (NotFound(), 404, "Cette page n’existe pas"),
        (DomainError("not-found", "no such form"), 404, "Cette page n’existe pas"),
        (RequestEntityTooLarge(), 413, "L’envoi était trop volumineux"),
        (DomainError("form-closed", "since noon"), 409, "Votre demande n’a pas pu être traitée"),
        (ValueError("a secret"), 500, "Une erreur s’est produite"),
    ],
)
def test_browser_reads_about_an_error_in_its_language(error: Exception, status: int, title: str) -> None:
    page = refused(error)
    assert (page.status_code, page.mimetype, page.headers["Content-Language"]) == (status, "text/html", "fr")
    assert f"<h1>{title}</h1>" in page.text
    assert not any(words in page.text for words in ("no such form", "since noon", "a secret"))
    assert page.headers["Cache-Control"] == "no-store"


def test_page_about_our_fault_has_the_reference_of_the_request() -> None:
    with caused_by("reference-1", ""):
        page, wrong = refused(ValueError("a secret")), refused(NotFound())
    assert ("<p>Référence pour l’organisateur\u202f: reference-1</p>" in page.text, "reference-1" in wrong.text) == (
        True,
        False,
    )


def test_refused_method_names_the_allowed_ones_on_the_page_too() -> None:
    page = refused(MethodNotAllowed(["GET"]))
    assert (page.status_code, page.headers["Allow"], page.mimetype) == (405, "GET", "text/html")


@pytest.mark.parametrize("accept", ["application/json", "*/*", ""])
def test_program_gets_an_error_as_a_problem(accept: str) -> None:
    answer = refused(DomainError("form-closed", "since noon"), accept)
    assert (answer.status_code, answer.mimetype) == (409, "application/problem+json")
    assert answer.get_json(force=True)["detail"] == "since noon"
