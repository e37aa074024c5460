"""Signing out ends the cookie and every copy of it, at all three services; wrong keys are counted."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer
from werkzeug.test import TestResponse

from deploy.shape import PROCESSES
from services.registration.access.service import MAX_REFUSALS, REFUSALS_WITHIN, ConsoleSessions
from services.registration.cleanup import RULES
from shared.db.cleanup import Cleanup
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import RECENT_S
from shared.http.lists import DEFAULT_LIMIT, XLSX_TYPE, to_cursor
from shared.http.sign_in import RENEWED_AFTER_S, CookieKeys, SignIn
from shared.messaging.contracts.registry import SERVICES
from shared.runtime.clock import system_clock
from shared.runtime.ids import new_token, token_hash
from shared.runtime.metrics import requests_refused_total
from shared.security.sealing import read_keys
from shared.security.sessions import ARRIVES_WITHIN_S, Sessions
from tests.integration.rights.conftest import COOKIE, OWN_SITE, Browser, ServicesUnderTest, as_holder, sign_in
from tests.support.clock import FrozenClock
from tests.support.signed_in import record_session

PAGES = ("/console", "/console/registrations", "/console/mail")
"""One of each service."""

NETWORK = b"h" * 32
ENDED = "SELECT count(*) FROM ended_session"


def opened(browser: Browser) -> list[int]:
    """What each service answers to this cookie."""
    return [browser.get(page).status_code for page in PAGES]


def copy_of(browser: Browser) -> Browser:
    """Another browser, with the same cookie."""
    other = Browser(browser.application)
    assert browser.cookie is not None
    other.show(browser.cookie)
    return other


def sign_out(browser: Browser, **headers: str) -> list[tuple[int, str]]:
    """Press the button and follow where it leads, as a browser does: status and path of each answer."""
    path, answers = "/console/sign-out", []
    while path.endswith("/sign-out"):
        answer = browser.post(path, headers=headers or OWN_SITE)
        path = answer.headers.get("Location", "")
        answers.append((answer.status_code, path))
    return answers


def test_copied_cookie_is_dead_at_every_service_after_signing_out(services: ServicesUnderTest) -> None:
    browser, other = services.browser(), services.browser()
    for one in (browser, other):
        assert sign_in(one, services.installation.secrets.coordinator_key).status_code == 303
    thief = copy_of(browser)
    assert (opened(browser), opened(thief), opened(other)) == ([200] * 3,) * 3
    assert sign_out(browser) == [
        (307, "/console/registrations/sign-out"),
        (307, "/console/mail/sign-out"),
        (303, "/console/sign-in"),
    ]
    assert browser.cookie is None
    assert (opened(browser), opened(thief), opened(other)) == ([303] * 3, [303] * 3, [200] * 3)


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/console/sign-in", "registration"),
        ("/console/sign-in/passkey", "registration"),
        ("/console/sign-out", "events"),
        ("/console/registrations/sign-out", "registration"),
        ("/console/mail/sign-out", "notifications"),
    ],
)
def test_signing_in_and_out_has_its_own_admission_class(services: ServicesUnderTest, path: str, service: str) -> None:
    """Reads without a key in any number leave it free. A request that has waited too long shows its class."""
    counter = requests_refused_total.labels(service, "signing", "late")
    before = counter._value.get()
    answer = services.browser().post(path, headers={**OWN_SITE, "X-Request-Start": "t=1"})
    assert (answer.status_code, counter._value.get() - before) == (503, 1)


def test_interrupted_sign_out_can_be_repeated(services: ServicesUnderTest) -> None:
    browser = services.browser()
    sign_in(browser, services.installation.secrets.coordinator_key)
    thief = copy_of(browser)
    browser.post("/console/sign-out", headers=OWN_SITE)
    assert opened(thief) == [303, 200, 200]
    assert [status for status, _ in sign_out(browser)] == [307, 307, 303]
    assert opened(thief) == [303] * 3


def signed(private_key: bytes, ref: str, session: str, signed_in_at: float) -> str:
    """A cookie that ``private_key`` has signed."""
    signer = SignIn(None, CookieKeys.of_signer([private_key]), None, str, secure=True)  # type: ignore[arg-type]
    return signer.cookie_value(ref, session, signed_in_at)


def signing_key(services: ServicesUnderTest) -> bytes:
    """The private key of registration's desk."""
    return read_keys(services.installation.secrets.folder / "signing.key")[0]


def showing(services: ServicesUnderTest, cookie: str) -> Browser:
    """A browser with this cookie."""
    browser = services.browser()
    browser.show(cookie)
    return browser


def aged(services: ServicesUnderTest, browser: Browser, age_s: float) -> Browser:
    """Another browser, with the same session whose holder signed in that long ago."""
    payload = (browser.cookie or "").rsplit(".", 2)[0]
    ref, session, signed_in_at = URLSafeSerializer("").load_payload(payload.encode())
    return showing(services, signed(signing_key(services), ref, session, signed_in_at - age_s))


def known_to(services: ServicesUnderTest, service: str, process: str) -> set[bytes]:
    """Every key and public key that a process is given."""
    found = set()
    for value in services.installation.secrets.of(service, process).values():
        path = Path(value)
        if path.suffix == ".key":
            found.update(read_keys(path))
        elif not path.is_absolute():
            found.update(map(bytes.fromhex, value.split(",")))
    return found


@pytest.mark.parametrize(("service", "process"), sorted({*PROCESSES} - {("registration", "desk")}))
def test_no_process_but_the_desk_can_forge_a_session(services: ServicesUnderTest, service: str, process: str) -> None:
    """With all that it may read: as a key of the signature, and of the HMAC that cookies once had."""
    ref, session = token_hash(services.installation.secrets.coordinator_key).hex(), new_token()
    for key in known_to(services, service, process):
        now = time.time()
        hmac = str(URLSafeTimedSerializer(key, salt="console session").dumps([ref, session, now]))
        for cookie in (signed(key, ref, session, now), hmac):
            assert opened(showing(services, cookie)) == [303] * 3


def test_session_that_never_began_is_refused(services: ServicesUnderTest) -> None:
    """Also with the right signature: its record is missing. Where a message brings the record, a new one is awaited."""
    ref = token_hash(services.installation.secrets.coordinator_key).hex()
    signed_in_at = time.time() - ARRIVES_WITHIN_S - 1
    assert opened(showing(services, signed(signing_key(services), ref, new_token(), signed_in_at))) == [303] * 3
    browser = showing(services, signed(signing_key(services), ref, new_token(), time.time()))
    assert [browser.get(page).status_code for page in ("/console/registrations", "/console/mail")] == [303, 503]


def test_new_session_is_awaited_and_in_quarantine_only_read(services: ServicesUnderTest) -> None:
    """The message arrives while the first request waits. In quarantine none arrives."""
    url = services.installation.urls["events"]
    engine = open_engine(url)
    sessions = Sessions(UnitOfWork(engine, "events"), system_clock, awaited_s=20)
    begun, other = new_token(), new_token()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(sessions.has_ended, begun, 0)
        assert not found.done()
        record_session(url, token_hash(begun), system_clock())
        assert found.result() is False
    assert sessions.has_ended(other, ARRIVES_WITHIN_S + 1) is True
    quarantine = "INSERT INTO quarantine (since, reason, settling) VALUES (now(), 'restored', false)"
    services.rows("events", quarantine)
    assert sessions.has_ended(other, ARRIVES_WITHIN_S + 1) is False
    services.rows("events", "DELETE FROM quarantine")
    engine.dispose()


def test_pages_of_other_services_renew_the_cookie_by_a_picture_of_the_desk(
    services: ServicesUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = services.browser()
    sign_in(browser, services.installation.secrets.coordinator_key)
    first, later = browser.cookie, time.time() + RENEWED_AFTER_S + 5
    monkeypatch.setattr("time.time", lambda: later)
    for page in ("/console", "/console/mail"):
        [path] = re.findall(r'<img src="([^"]+)" alt="" hidden>', browser.get(page).text)
        assert browser.cookie == first
    assert (browser.get(path).status_code, browser.cookie != first) == (200, True)
    assert opened(browser) == [200] * 3
    assert "<img" not in browser.get("/console/account").text


FIRST = str(UUID(int=1))
PEOPLE_AFTER = {
    **dict.fromkeys(("/v1/registrations", "/console/registrations", "/v1/events/upr-webinar-10/roster"), (FIRST,)),
    **dict.fromkeys(("/console/geneva", "/v1/proposals", "/console/side-events"), (FIRST,)),
    **dict.fromkeys(("/v1/group-contacts", "/v1/speakers", "/console/set-up/group-contacts"), ('[0, true, ""]', FIRST)),
    f"/v1/imports/{UUID(int=1)}/rows": ("0", "1"),
    "/v1/clashes": ("2020-01-01T00:00:00Z", FIRST, FIRST),
    **dict.fromkeys(("/v1/mails", "/v1/suppressions", f"/v1/bulletins/{FIRST}/mails"), (FIRST,)),
    f"/console/mail/bulletins/{FIRST}/outcome": (FIRST,),
    **dict.fromkeys(("/v1/audit-log", "/console/audit-log"), ("2020-01-01T00:00:00Z", "a")),
    **dict.fromkeys((f"/v1/service-audit/{service}" for service in SERVICES), ("2020-01-01T00:00:00Z", "a")),
    **dict.fromkeys(("/v1/sealed-readings", "/console/registrations/sealed-readings"), ("1",)),
}
"""Lists of people, mails and acts, with the position of a further page: the first one needs no recent sign-in."""

EXPORTS = (
    ("get", "/console/registrations.csv", {}),
    ("get", "/console/registrations/person-export", {}),
    ("get", "/v1/registrations", {"Accept": "text/csv"}),
    ("get", "/v1/registrations", {"Accept": XLSX_TYPE}),
    *(("get", f"{path}?cursor={to_cursor(after)}", {}) for path, after in PEOPLE_AFTER.items()),
    *(("get", f"/v1/{name}?limit=51", {}) for name in ("registrations", "mails", "audit-log")),
    ("get", "/v1/events/upr-webinar-10/roster", {"Accept": "text/csv"}),
    ("post", f"/v1/registrations/{UUID(int=1)}/sealed", OWN_SITE),
    ("post", f"/console/registrations/{UUID(int=1)}/sealed", OWN_SITE),
    *(("post", f"/v1/person-export/{service}", OWN_SITE) for service in SERVICES),
    ("get", "/console/registrations.xlsx", {}),
    ("get", "/console/access/invite", {}),
    *(("post", f"/console/access/{part}", OWN_SITE) for part in ("invite", f"{UUID(int=1)}")),
    *(("post", f"/v1/access{part}", OWN_SITE) for part in ("", f"/{UUID(int=1)}/invitation")),
    *((method, f"/v1/access/{UUID(int=1)}", OWN_SITE) for method in ("patch", "delete")),
    ("get", "/v1/group-contacts", {"Accept": "text/csv"}),
    ("get", "/v1/speakers", {"Accept": "text/csv"}),
    ("get", "/console/speakers.csv", {}),
    ("get", f"/console/registrations/imports/{UUID(int=2)}?after=0.1", {}),
    ("get", "/console/set-up/group-contacts?file=csv", {}),
    ("get", f"/console/registrations/imports/{UUID(int=1)}/refused.csv", {}),
    *(("get", f"/console/registrations/sealed-lists/{part}", {}) for part in ("new", f"{UUID(int=1)}")),
    *(("get", f"/console/registrations/sealed-lists/{UUID(int=1)}/{kind}", {}) for kind in ("csv", "xlsx")),
    ("post", "/console/registrations/sealed-lists", OWN_SITE),
    ("get", f"/v1/sealed-lists/{UUID(int=1)}", {}),
    ("post", "/v1/sealed-lists", OWN_SITE),
    ("post", f"/v1/sealed-approvals/{UUID(int=1)}", OWN_SITE),
    ("post", f"/console/registrations/sealed-approvals/{UUID(int=1)}", OWN_SITE),
)
"""What gives data of many people, what is sealed, or access, to someone who signed in recently."""


SPEAKERS = """
    INSERT INTO proposal (id, title, summary, language, attendance, speakers, preferred_on, unavailable_on, status,
        note, revision, person_ref, submitted_at, answers, answers_revision)
    SELECT gen_random_uuid(), 'Cities', '', 'en', 10, array_agg(n::text), '{}', '{}', 'submitted', '', 1,
        sha256('person'), now(), '{}', 1
    FROM generate_series(1, %s) AS n
"""
IMPORT = """
    INSERT INTO people_import (id, form, state, revision, seen_form, row_count, created_at, created_by, finished_at)
    VALUES (%s, 'upr-webinar-10', 'done', 1, '', 0, now(), 'a coordinator', now())
"""


def test_exports_sealed_answers_and_access_need_a_recent_sign_in_and_pages_do_not(services: ServicesUnderTest) -> None:
    services.rows("events", SPEAKERS, DEFAULT_LIMIT + 1)
    services.rows("registration", IMPORT, str(UUID(int=2)))
    browser, key = services.browser(), services.give_key("a reader", "coordinator", "sealed-reader", "administrator")
    sign_in(browser, key)
    # All exports take more than half a minute on a busy machine: the recent sign-in stays recent for five.
    recent, old = aged(services, browser, RECENT_S / 2), aged(services, browser, RECENT_S + 30)

    def outcome(caller: Browser, method: str, path: str, headers: dict[str, str]) -> str:
        answer = getattr(caller, method)(path, headers=headers, buffered=True)
        asked = answer.headers.get("Location", "").startswith("/console/sign-in") or answer.status_code == 401
        answer.close()  # what is streamed keeps its place among the exports until then
        return "sign in again" if asked else "let in"

    def outcomes(caller: Browser, more: dict[str, str]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for method, path, headers in EXPORTS:
            found.setdefault(outcome(caller, method, path, {**headers, **more}), set()).add(
                f"{method} {path} {headers}"
            )
        return found

    found = outcomes(old, {})
    assert set(found) == {"sign in again"}, found
    for caller, more in ((recent, {}), (services.browser(), as_holder(key))):
        found = outcomes(caller, more)
        assert found.get("sign in again", set()) == set(), "not let in"
    assert opened(old) == [200] * 3
    assert {path for path in PEOPLE_AFTER if outcome(old, "get", path, {}) != "let in"} == set()
    viewer = services.browser()
    sign_in(viewer, services.give_key("a viewer", "viewer"))
    for age_s, expected in ((RECENT_S - 30, "let in"), (RECENT_S + 30, "sign in again")):
        assert outcome(aged(services, viewer, age_s), "get", "/console/speakers", {}) == expected, "more than a page"


def test_sign_in_again_gives_the_reason_and_leads_back(services: ServicesUnderTest) -> None:
    browser, key = services.browser(), services.give_key("another reader", "coordinator", "sealed-reader")
    sign_in(browser, key)
    old = aged(services, browser, RECENT_S + 30)
    asked = old.get("/console/registrations.csv?status=confirmed").headers["Location"]
    assert asked == "/console/sign-in?next=/console/registrations.csv?status%3Dconfirmed&again=yes"
    assert (
        "Exports, more than one page of people and sealed answers require a sign-in within the last ten minutes"
        in old.get(asked).text
    )
    back = sign_in(old, key, next="/console/registrations.csv?status=confirmed")
    assert back.headers["Location"] == "/console/registrations.csv?status=confirmed"
    assert old.get(back.headers["Location"], buffered=True).mimetype == "text/csv"
    sign_in(browser, key)
    posted = aged(services, browser, RECENT_S + 30).post(
        f"/console/registrations/{UUID(int=1)}/sealed", headers=OWN_SITE
    )
    assert f"next=/console/registrations/{UUID(int=1)}&again=yes" in posted.headers["Location"]
    answer = aged(services, browser, RECENT_S + 30).get("/v1/registrations", headers={"Accept": "text/csv"})
    assert (answer.status_code, answer.get_json()["code"]) == (401, "sign-in-again")


def test_another_site_signs_no_one_out(services: ServicesUnderTest) -> None:
    browser = services.browser()
    sign_in(browser, services.installation.secrets.coordinator_key)
    for path in ("/console/sign-out", "/console/registrations/sign-out", "/console/mail/sign-out"):
        assert browser.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert browser.get(path).status_code in (303, 404, 405)
    assert opened(browser) == [200] * 3


def test_signing_out_without_a_session_is_no_error(services: ServicesUnderTest) -> None:
    before = services.rows("events", ENDED)
    assert sign_out(services.browser())[-1] == (303, "/console/sign-in")
    assert services.rows("events", ENDED) == before


def test_database_holds_no_session_in_clear(services: ServicesUnderTest) -> None:
    browser = services.browser()
    sign_in(browser, services.installation.secrets.coordinator_key)
    cookie = browser.cookie or ""
    sign_out(browser)
    stored = services.rows("events", "SELECT encode(session, 'hex'), encode(session, 'escape') FROM ended_session")
    assert stored
    assert not [form for row in stored for form in row if form in cookie]
    assert [len(form) for form, _ in stored] == [64] * len(stored)


def test_client_network_waits_after_too_many_wrong_keys_and_others_do_not(services: ServicesUnderTest) -> None:
    browser, right = services.browser(), services.installation.secrets.coordinator_key

    def try_from(address: str, key: str) -> TestResponse:
        return browser.post("/console/sign-in", data={"key": key}, headers={**OWN_SITE, "X-Forwarded-For": address})

    for number in range(MAX_REFUSALS):
        assert try_from(f"2001:db8::{number}", "a-wrong-key").status_code == 403
    barred = try_from("2001:db8::ffff", right)
    assert (barred.status_code, f"{COOKIE}=" in barred.headers.get("Set-Cookie", "")) == (429, False)
    assert 0 < int(barred.headers["Retry-After"]) <= REFUSALS_WITHIN.total_seconds()
    assert "Too many wrong keys were entered from your network. Wait 15 minutes" in barred.text
    assert try_from("2001:db8:0:1::1", right).status_code == 303
    assert services.rows("registration", "SELECT count(DISTINCT network), count(*) FROM refused_sign_in") == [
        (1, MAX_REFUSALS)
    ]


@pytest.fixture
def sessions(services: ServicesUnderTest, clock: FrozenClock) -> Iterator[ConsoleSessions]:
    """The stored sessions of registration, on a frozen clock."""
    services.rows("registration", "DELETE FROM refused_sign_in")
    services.rows("registration", "DELETE FROM ended_session")
    engine = open_engine(services.installation.urls["registration"], pool_size=8)
    yield ConsoleSessions(UnitOfWork(engine, "registration"), clock)
    engine.dispose()


def test_limit_is_exact_however_many_try_at_once(sessions: ConsoleSessions) -> None:
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _number: sessions.admit(NETWORK, known=False), range(4 * MAX_REFUSALS)))
    assert sum(wait_s == 0 for wait_s in waits) == MAX_REFUSALS
    assert sessions.admit(b"o" * 32, known=False) == 0


def test_limit_ends_when_the_oldest_refusal_is_old_enough(sessions: ConsoleSessions, clock: FrozenClock) -> None:
    for _ in range(MAX_REFUSALS):
        assert sessions.admit(NETWORK, known=False) == 0
        clock.advance(timedelta(seconds=1))
    wait_s = sessions.admit(NETWORK, known=True)
    assert wait_s == REFUSALS_WITHIN.total_seconds() - MAX_REFUSALS
    clock.advance(timedelta(seconds=wait_s))
    assert sessions.admit(NETWORK, known=True) == 0


def test_what_no_one_asks_for_any_more_is_forgotten(sessions: ConsoleSessions, clock: FrozenClock) -> None:
    sessions.end("a session", "a coordinator")
    sessions.admit(NETWORK, known=False)
    rules = [rule for rule in RULES if rule.table in ("ended_session", "refused_sign_in")]
    counts = "SELECT (SELECT count(*) FROM ended_session), (SELECT count(*) FROM refused_sign_in)"
    kept = []
    for hours in (0, 1, 16):
        clock.advance(timedelta(hours=hours))
        Cleanup(sessions.work, "registration", rules).run_once(clock())
        with sessions.work.transaction() as connection:
            kept.append(tuple(connection.exec_driver_sql(counts).one()))
    assert kept == [(1, 1), (1, 0), (0, 0)]
