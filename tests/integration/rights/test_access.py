"""Access: invitations, passkeys and keys, who may give what, and the same result in each service."""

import html
import json
import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import pytest
from werkzeug.test import TestResponse

from services.events import consumers as events
from services.events.side_events.reading import ProposalKeys
from services.notifications import consumers as notifications
from services.notifications.rules.registrations import NotificationsContext
from services.registration.access import credentials
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.registry import read
from shared.messaging.contracts.schemas import decode
from shared.messaging.inbox import apply_batch
from shared.security.sealing import open_sealed, read_keys
from tests.integration.rights.conftest import ADDRESS, OWN_SITE, Browser, ServicesUnderTest, as_holder, sign_in
from tests.support.authenticator import Authenticator

ADMINISTRATOR = ("administrator", "coordinator", "viewer")
MESSAGES = "SELECT body FROM outbox WHERE type LIKE %s ORDER BY id"
GRANT = {"roles": ["coordinator"]}


@pytest.fixture(scope="module")
def administrator(services: ServicesUnderTest) -> dict[str, str]:
    """Headers of a program that gives access."""
    return as_holder(services.give_key("an administrator", *ADMINISTRATOR))


def invite(services: ServicesUnderTest, headers: dict[str, str], name: str, **more: Any) -> tuple[str, str]:
    """Invite someone; returns their id, and the path of the link in their mail."""
    content = {**GRANT, "name": name, "email": f"{name.replace(' ', '-')}@example.org", **more}
    answer = services.browser().post("/v1/access", json=content, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.get_json()["id"], newest_link(services)


def newest_link(services: ServicesUnderTest) -> str:
    """The path of the link in the newest invitation's mail."""
    content = sealed_of(services)
    assert content["token"].startswith(f"{ADDRESS}/console/invitation/")
    return content["token"].removeprefix(ADDRESS)


def sealed_of(services: ServicesUnderTest) -> Mapping[str, str]:
    """What only notifications can read of the newest invitation."""
    body = services.rows("registration", MESSAGES, "%invitation.created%")[-1][0]
    sealed = json.loads(bytes(body))["data"]["sealed"]
    return open_sealed(list(read_keys(services.installation.secrets.folder / "notifications.key")), b64decode(sealed))


def spread(services: ServicesUnderTest) -> None:
    """Let the other services take in what registration has published."""
    for service, queue, effect in (
        ("events", "events.copies", events.effects(ProposalKeys((), (), b"", b""))["events.copies"]),
        ("notifications", "notifications.copies", notifications_copies()),
    ):
        engine = open_engine(services.installation.urls[service])
        found = [
            decode(bytes(body))
            for kind in ("%access.changed%", "%session.begun%", "%session.ended%")
            for (body,) in services.rows("registration", MESSAGES, kind)
        ]
        checked = [type(one)(**{**{n: getattr(one, n) for n in one.__slots__}, "data": read(one)}) for one in found]
        outcomes = apply_batch(UnitOfWork(engine, service), queue, checked, effect)
        assert set(outcomes) <= {"done", "duplicate"}, outcomes
        engine.dispose()


def notifications_copies() -> Any:
    """The effect of notifications' copies, which needs no key."""
    intake = NotificationsContext(None, (), None, "")  # type: ignore[arg-type]
    return notifications.effects(intake)[notifications.COPIES]


def options_in(page: TestResponse) -> dict[str, Any]:
    """What the page asks the browser's authenticator for."""
    found = re.search(r'data-options="([^"]*)"', page.text)
    assert found is not None, page.text
    options: dict[str, Any] = json.loads(html.unescape(found[1]))
    return options


def make_passkey(browser: Browser, link: str, device: Authenticator, name: str = "My phone") -> TestResponse:
    """Open the link and make a passkey, as the page's script does."""
    sent = {"credential": device.make(options_in(browser.get(link))), "name": name}
    return browser.post(f"{link}/passkey", data=sent, headers=OWN_SITE)


def enter(browser: Browser, device: Authenticator, **more: str) -> TestResponse:
    """Sign in with the passkey."""
    sent = {"credential": device.sign(options_in(browser.get("/console/sign-in"))), **more}
    return browser.post("/console/sign-in/passkey", data=sent, headers=OWN_SITE)


def take_key(services: ServicesUnderTest, link: str) -> str:
    """Open the link and take a key, which is shown this once."""
    taken = services.browser().post(f"{link}/key", headers=OWN_SITE)
    key = re.search(r'id="key" value="([^"]+)"', taken.text)
    assert (taken.status_code, key is not None) == (200, True), taken.text
    return key[1] if key else ""


def opened(browser: Browser) -> list[int]:
    """What each service answers to this cookie."""
    return [browser.get(page).status_code for page in ("/console", "/console/registrations", "/console/mail")]


def test_invited_colleague_makes_a_passkey_and_every_service_lets_them_in(
    services: ServicesUnderTest, administrator: dict[str, str]
) -> None:
    identity, link = invite(services, administrator, "first colleague")
    browser, device = services.browser(), Authenticator(ADDRESS)
    page = browser.get(link)
    assert ("an administrator" in page.text, "first colleague" in page.text) == (True, True)
    assert browser.get(link).status_code == 200, "opening it changes nothing"
    assert make_passkey(browser, link, device).status_code == 303
    spread(services)
    assert opened(browser) == [200] * 3
    other = services.browser()
    assert enter(other, device).headers["Location"] == "/console/overview"
    assert opened(other) == [200] * 3
    stored = services.rows("registration", "SELECT sign_count, name FROM passkey WHERE holder_id = %s::uuid", identity)
    assert stored == [(1, "My phone")]
    assert services.rows("registration", "SELECT count(*) FROM access_holder h WHERE h::text LIKE %s", "%@%") == [(0,)]


def test_link_works_once_and_then_gives_the_reason(services: ServicesUnderTest, administrator: dict[str, str]) -> None:
    _, link = invite(services, administrator, "second colleague")
    key = take_key(services, link)
    forwarded = services.browser()
    assert forwarded.get(link).status_code == 410
    assert "has already been used" in forwarded.get(link).text
    assert forwarded.post(f"{link}/key", headers=OWN_SITE).status_code == 410
    spread(services)
    assert [
        services.browser().get(f"/v1/{path}", headers=as_holder(key)).status_code
        for path in ("registrations", "proposals", "bulletins")
    ] == [200] * 3
    unwanted, withdrawn = invite(services, administrator, "third colleague")
    services.browser().delete(f"/v1/access/{unwanted}/invitation", headers=administrator)
    late, old = invite(services, administrator, "fourth colleague")
    services.rows(
        "registration", "UPDATE invitation SET expires_at = now() WHERE holder_id = %s::uuid RETURNING 1", late
    )
    found = {path: services.browser().get(path) for path in (withdrawn, old, "/console/invitation/guessed")}
    assert [answer.status_code for answer in found.values()] == [410, 410, 404]
    words = ("withdrawn", "expired", "not one of our links")
    assert [word in answer.text for word, answer in zip(words, found.values(), strict=True)] == [True] * 3


def test_link_that_is_withdrawn_while_it_is_used_opens_nothing(
    services: ServicesUnderTest, administrator: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    identity, link = invite(services, administrator, "hesitant colleague")
    usable = credentials._usable

    def withdrawn_in_between(*given: Any) -> Any:
        found = usable(*given)
        services.rows(
            "registration", "UPDATE invitation SET withdrawn_at = now() WHERE holder_id = %s RETURNING 1", identity
        )
        return found

    monkeypatch.setattr(credentials, "_usable", withdrawn_in_between)
    assert services.browser().post(f"{link}/key", headers=OWN_SITE).status_code == 410
    [(keys,)] = services.rows("registration", "SELECT key_hashes FROM access_holder WHERE id = %s", identity)
    assert keys == []


def test_new_link_replaces_what_was_lost(services: ServicesUnderTest, administrator: dict[str, str]) -> None:
    identity, link = invite(services, administrator, "careless colleague")
    lost, thief = Authenticator(ADDRESS), services.browser()
    make_passkey(thief, link, lost)
    again = services.browser().post(
        f"/v1/access/{identity}/invitation", json={"email": "careless@example.org"}, headers=administrator
    )
    assert (again.status_code, sealed_of(services)["address"]) == (202, "careless@example.org")
    spread(services)
    assert opened(thief) == [200] * 3, "nothing ends before the new link is used"
    assert make_passkey(services.browser(), newest_link(services), Authenticator(ADDRESS)).status_code == 303
    spread(services)
    assert opened(thief) == [303] * 3
    assert enter(services.browser(), lost).status_code == 403


def test_revoked_access_ends_everywhere(services: ServicesUnderTest, administrator: dict[str, str]) -> None:
    identity, link = invite(services, administrator, "leaving colleague")
    browser, device = services.browser(), Authenticator(ADDRESS)
    make_passkey(browser, link, device)
    spread(services)
    assert opened(browser) == [200] * 3
    assert services.browser().delete(f"/v1/access/{identity}", headers=administrator).status_code == 204
    assert browser.get("/console/registrations").status_code == 303
    spread(services)
    assert opened(browser) == [303] * 3
    assert enter(services.browser(), device).status_code == 403


def _other_browser(device: Authenticator) -> Authenticator:
    return Authenticator(device.origin)


def _other_page(device: Authenticator) -> Authenticator:
    return Authenticator("https://evil.example.org", True, device.count, device.credential_id, device.key)


def _unverified(device: Authenticator) -> Authenticator:
    return Authenticator(device.origin, False, device.count, device.credential_id, device.key)


def _other_key(device: Authenticator) -> Authenticator:
    return Authenticator(device.origin, True, device.count, device.credential_id)


def _copied(device: Authenticator) -> Authenticator:
    return Authenticator(device.origin, True, device.count - 1, device.credential_id, device.key)


FORGERIES = (_other_browser, _other_page, _unverified, _other_key, _copied)


def test_no_forged_passkey_signs_in_and_the_right_one_does(
    services: ServicesUnderTest, administrator: dict[str, str]
) -> None:
    device = Authenticator(ADDRESS)
    _, link = invite(services, administrator, "careful colleague")
    assert make_passkey(services.browser(), link, Authenticator("https://evil.example.org")).status_code == 422
    assert make_passkey(services.browser(), link, Authenticator(ADDRESS, verifies=False)).status_code == 422
    assert make_passkey(services.browser(), link, device).status_code == 303, "a refusal does not use the link up"
    assert enter(services.browser(), device).status_code == 303
    for forge in FORGERIES:
        services.rows("registration", "DELETE FROM refused_sign_in RETURNING 1")
        assert enter(services.browser(), forge(device)).status_code == 403, forge.__name__
        assert enter(services.browser(), device).status_code == 303, "the control"


def test_challenge_is_used_once_and_by_the_browser_that_got_it(
    services: ServicesUnderTest, administrator: dict[str, str]
) -> None:
    device, browser = Authenticator(ADDRESS), services.browser()
    _, link = invite(services, administrator, "patient colleague")
    make_passkey(services.browser(), link, device)
    services.rows("registration", "DELETE FROM refused_sign_in RETURNING 1")
    options = options_in(browser.get("/console/sign-in"))
    sent = {"credential": device.sign(options)}
    assert services.browser().post("/console/sign-in/passkey", data=sent, headers=OWN_SITE).status_code == 403
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert browser.post("/console/sign-in/passkey", data=sent, headers=foreign).status_code == 403
    assert browser.post("/console/sign-in/passkey", data=sent, headers=OWN_SITE).status_code == 303
    repeated = {"credential": device.sign(options)}
    answer = browser.post("/console/sign-in/passkey", data=repeated, headers=OWN_SITE)
    assert (answer.status_code, "already been used" in answer.text) == (403, True)


BEYOND: dict[str, dict[str, Any]] = {
    "a role that they do not have": {"roles": ["sealed-reader"]},
    "a partner without being a coordinator": {"roles": ["partner"], "partner": "example-partner"},
    "longer than themselves": {"roles": ["viewer"], "until": "2099-01-01T00:00:00Z"},
    "a partner, longer than themselves": {"roles": ["partner"], "partner": "example-partner"},
}
OWN = {"a partner, longer than themselves": ("coordinator",)}
"""Roles that they have beside."""


@pytest.mark.parametrize("what", BEYOND)
def test_no_one_gives_more_than_they_have(services: ServicesUnderTest, what: str) -> None:
    own = services.give_key(
        f"limited for {what}", "administrator", "viewer", *OWN.get(what, ()), until="2098-01-01T00:00:00Z"
    )
    ask = {"email": "somebody@example.org", **BEYOND[what], "name": f"beyond {what}"}
    answer = services.browser().post("/v1/access", json=ask, headers=as_holder(own))
    assert (answer.status_code, answer.get_json()["code"]) == (403, "not-allowed")
    within = {**ask, "roles": ["viewer"], "partner": None, "until": "2097-01-01T00:00:00Z"}
    assert services.browser().post("/v1/access", json=within, headers=as_holder(own)).status_code == 201


@pytest.mark.parametrize("until", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_access_ends_in_a_known_year(services: ServicesUnderTest, administrator: dict[str, str], until: str) -> None:
    wanted = {**GRANT, "name": "far", "email": "far@example.org", "until": until}
    answer = services.browser().post("/v1/access", json=wanted, headers=administrator)
    assert (answer.status_code, [fault["pointer"] for fault in answer.get_json()["errors"]]) == (422, ["/until"])


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("known colleague\u200b", 422),
        ("known  colleague", 422),
        ("\u202eknown colleague", 422),
        ("KNOWN ｃolleague", 409),
        ("Known coIleague", 409),
    ],
)
def test_similar_names_of_colleagues_are_refused(
    services: ServicesUnderTest, administrator: dict[str, str], name: str, status: int
) -> None:
    """Their names are what the audit log and the second person's approval go by."""
    with_name = {**GRANT, "email": "known@example.org", "name": "known colleague"}
    assert services.browser().post("/v1/access", json=with_name, headers=administrator).status_code in (201, 409)
    answer = services.browser().post("/v1/access", json={**with_name, "name": name}, headers=administrator)
    assert answer.status_code == status


def test_change_needs_the_newest_state_and_holds_everywhere(
    services: ServicesUnderTest, administrator: dict[str, str]
) -> None:
    identity, link = invite(services, administrator, "changing colleague")
    browser = services.browser()
    make_passkey(browser, link, Authenticator(ADDRESS))
    path, program = f"/v1/access/{identity}", services.browser()
    seen = program.get(path, headers=administrator).headers["ETag"]
    change = {"roles": ["viewer"]}
    assert program.patch(path, json=change, headers=administrator).status_code == 428
    assert program.patch(path, json=change, headers={**administrator, "If-Match": seen}).status_code == 200
    assert program.patch(path, json=change, headers={**administrator, "If-Match": seen}).status_code == 412
    spread(services)
    assert opened(browser) == [200, 403, 200]


def test_console_invites_after_showing_what_it_does(services: ServicesUnderTest) -> None:
    browser = services.browser()
    sign_in(browser, services.give_key("the administrator at the desk", *ADMINISTRATOR))
    filled = {"name": "From the console", "email": "from@example.org", "language": "fr", "roles": ["viewer"]}
    before = services.rows("registration", "SELECT count(*) FROM invitation")
    shown = browser.post("/console/access/invite", data=filled, headers=OWN_SITE)
    assert "One e-mail goes to from@example.org" in shown.text
    back = browser.post("/console/access/invite", data={**filled, "go": "back"}, headers=OWN_SITE).text
    assert ('value="from@example.org" dir="ltr"' in back, "One e-mail goes" in back) == (True, False)
    assert services.rows("registration", "SELECT count(*) FROM invitation") == before
    done = browser.post("/console/access/invite", data={**filled, "go": "do"}, headers=OWN_SITE)
    assert done.status_code == 303
    page = browser.get(done.headers["Location"])
    assert ("From the console" in page.text, "The invitation is on its way" in page.text) == (True, True)
    assert sealed_of(services)["address"] == "from@example.org"
    faults: tuple[dict[str, Any], ...] = ({"email": "nowhere"}, {"roles": []}, {"until": "yesterday"}, {"name": ""})
    for fault in (*faults, {"until": "9999-12-31"}, {"until": "0001-01-01"}):
        assert browser.post("/console/access/invite", data={**filled, **fault}, headers=OWN_SITE).status_code == 422
    again = browser.post("/console/access/invite", data={**filled, "go": "do"}, headers=OWN_SITE)
    assert (again.status_code, "already has access" in again.text) == (422, True)


def test_console_shows_refused_access_as_it_was_typed_and_confirms_its_end(
    services: ServicesUnderTest, administrator: dict[str, str]
) -> None:
    identity, _ = invite(services, administrator, "colleague at the desk")
    browser, path = services.browser(), f"/console/access/{identity}"
    sign_in(browser, services.give_key("another administrator at the desk", *ADMINISTRATOR))

    def send(**sent: Any) -> TestResponse:
        return browser.post(path, data=sent, headers=OWN_SITE)

    change = {"act": "change", "roles": ["viewer"], "until": "2001-02-03", "seen": "1"}
    refused = send(**change)
    assert (refused.status_code, 'value="viewer" checked' in refused.text) == (409, True)
    assert ('value="2001-02-03"' in refused.text, 'id="until-fault"' in refused.text) == (True, True)
    late = send(**{**change, "until": "", "seen": "0"})
    assert (late.status_code, 'value="viewer" checked' in late.text) == (412, True)
    assert "It differs from the current version in: Roles." in late.text
    nowhere = send(act="invite", email="nowhere", language="ru")
    assert (nowhere.status_code, 'value="nowhere"' in nowhere.text) == (409, True)
    assert '<option value="ru" selected>' in nowhere.text
    ended = send(act="revoke", sure="yes")
    assert "The access has ended, with its sessions." in browser.get(ended.headers["Location"]).text


def test_sessions_are_listed_without_addresses_and_ended(
    services: ServicesUnderTest, administrator: dict[str, str]
) -> None:
    key = services.give_key("somebody at two desks", "coordinator")
    mine, other = services.browser(), services.browser()
    for browser in (mine, other):
        sign_in(browser, key)
    page = mine.get("/console/account")
    assert ("This browser" in page.text, page.text.count("somebody at two desks")) == (True, 5)
    [session] = re.findall(r'name="session" value="([0-9a-f]{64})">\s*<button', page.text)
    assert mine.post("/console/account/sessions/end", data={"session": session}, headers=OWN_SITE).status_code == 303
    assert other.get("/console/registrations").status_code == 303
    spread(services)
    assert (opened(other), opened(mine)) == ([303] * 3, [200] * 3)
    other_browser = services.browser()
    sign_in(other_browser, services.give_key("a stranger", "coordinator"))
    listed = services.browser().get("/v1/access/sessions", headers=administrator).get_json()["items"]
    mine_id = next(one["id"] for one in listed if one["name"] == "somebody at two desks")
    taken = other_browser.post("/console/account/sessions/end", data={"session": mine_id}, headers=OWN_SITE)
    assert (taken.status_code, opened(mine)) == (404, [200] * 3)
    ended = services.browser().delete(f"/v1/access/sessions/{mine_id}", headers=administrator)
    assert (ended.status_code, mine.get("/console/registrations").status_code) == (204, 303)


def test_signing_in_again_begins_another_session(services: ServicesUnderTest) -> None:
    browser, key = services.browser(), services.give_key("somebody signing in twice", "coordinator")
    sign_in(browser, key)
    fixed = services.browser()
    fixed.show(browser.cookie or "")
    sign_in(browser, key)
    assert browser.get("/console/registrations").status_code == 200
    assert fixed.get("/console/registrations").status_code == 303


def test_last_administrator_stays(services: ServicesUnderTest) -> None:
    file = services.installation.secrets.folder / "access.json"
    before = file.read_text()
    own = services.give_key("the bootstrap", *ADMINISTRATOR)
    identity, link = invite(services, as_holder(own), "the only administrator", roles=list(ADMINISTRATOR))
    key = take_key(services, link)
    try:
        file.write_text("[]")
        answer = services.browser().delete(f"/v1/access/{identity}", headers=as_holder(key))
        assert (answer.status_code, answer.get_json()["code"]) == (409, "last-administrator")
    finally:
        file.write_text(before)
    assert services.browser().delete(f"/v1/access/{identity}", headers=as_holder(key)).status_code == 204
