"""Links in mails: each for its purpose and its time alone, whatever else is sent; none of it leaves the hash."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.registration.settings import read_settings
from services.registration.web import build_app
from shared.core.ids import new_token
from shared.core.links import OWN, VERIFY, link_hash, sent_hash
from shared.store.engine import open_engine
from tests.integration.registration.test_places import register, said, states
from tests.support.clients import REGISTRATIONS, WEBINAR, answers, rows
from tests.support.clock import FrozenClock
from tests.support.installation import TestInstallation
from tests.support.mailed import mailed_to, opened_boxes
from tests.support.waiting import poll_until

KEPT = timedelta(days=90)
MOMENT = timedelta(microseconds=1)
VERIFYING, CANCELLING = {"action": "verify"}, {"action": "cancel"}


@pytest.fixture
def hand() -> FrozenClock:
    """The time of the application."""
    return FrozenClock(datetime.now(UTC))


@pytest.fixture
def client(installation: TestInstallation, hand: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """The application, with a form whose addresses are confirmed by mail."""
    for name, value in installation.environment("registration").items():
        monkeypatch.setenv(name, value)
    rows(installation.urls["registration"], "UPDATE form SET verification = 'email'")
    engine = open_engine(installation.url("registration", "web"))
    yield build_app(read_settings(), engine, clock=hand).test_client()
    engine.dispose()


@pytest.fixture
def tokens(client: FlaskClient, installation: TestInstallation) -> dict[str, str]:
    """Of the two links of a person who has registered."""
    register(client, 1)
    mailed = mailed_to(installation, 1)
    return {OWN: mailed["token"], VERIFY: mailed["verify"]}


def asked(client: FlaskClient, path: str) -> tuple[list[int], set[str]]:
    """The statuses of reading ``path`` and of pressing each button there, and the pages, without their nonces."""
    made = [client.get(path), client.post(path, data=VERIFYING), client.post(path, data=CANCELLING)]
    shown = [answer for answer in made if answer.status_code != 400]
    assert all(answer.headers["Cache-Control"] == "no-store" for answer in shown)
    return [answer.status_code for answer in shown], {answer.text.split("</head>")[-1] for answer in shown}


def confirm(client: FlaskClient, tokens: dict[str, str]) -> None:
    """Press the button in the first mail."""
    assert client.post(f"/v/{tokens[VERIFY]}", data=VERIFYING).status_code == 200


def altered(token: str) -> list[str]:
    """What is nearly a token: each with one bit of one sign flipped, cut short, made longer, or no text at all."""
    flipped = [token[:place] + chr(ord(token[place]) ^ 1) + token[place + 1 :] for place in range(len(token))]
    return [*flipped, token[:-1], token[1:], token + "A", token + "=", "x" * 5000, "%ff"]


def test_each_link_opens_nothing_where_another_leads(client: FlaskClient, tokens: dict[str, str]) -> None:
    """Neither before the address is confirmed nor after."""
    never, gone = new_token(), {OWN: asked(client, f"/r/{new_token()}"), VERIFY: asked(client, f"/v/{new_token()}")}
    assert gone == {OWN: ([404] * 3, gone[OWN][1]), VERIFY: ([404] * 2, gone[VERIFY][1])}
    assert (len(gone[OWN][1]), len(gone[VERIFY][1])) == (1, 1)
    assert asked(client, f"/r/{tokens[VERIFY]}") == asked(client, f"/r/{never}") == gone[OWN]
    assert asked(client, f"/v/{tokens[OWN]}") == gone[VERIFY]
    confirm(client, tokens)
    assert asked(client, f"/r/{tokens[VERIFY]}") == gone[OWN]
    assert asked(client, f"/v/{tokens[OWN]}") == gone[VERIFY]
    assert client.get(f"/r/{tokens[OWN]}").status_code == 200


def test_own_link_opens_nothing_before_the_address_is_confirmed(
    client: FlaskClient, installation: TestInstallation, tokens: dict[str, str]
) -> None:
    """It confirms nothing and cancels nothing: it is not mailed before then."""
    unknown = asked(client, f"/r/{new_token()}")
    assert asked(client, f"/r/{tokens[OWN]}") == unknown
    assert states(installation) == {1: ("unverified", None)}
    confirm(client, tokens)
    assert client.get(f"/r/{tokens[OWN]}").status_code == 200


def test_used_link_is_like_one_that_never_was(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock, tokens: dict[str, str]
) -> None:
    """For a quarter of an hour it says what came of it, to whoever pressed twice; then nobody learns of it."""
    confirm(client, tokens)
    hand.advance(timedelta(minutes=15) - MOMENT)
    for answer in (client.get(f"/v/{tokens[VERIFY]}"), client.post(f"/v/{tokens[VERIFY]}", data=VERIFYING)):
        assert (answer.status_code, "You are registered" in answer.text, "<button" in answer.text) == (200, True, False)
    hand.advance(MOMENT)
    assert asked(client, f"/v/{tokens[VERIFY]}") == asked(client, f"/v/{new_token()}")
    assert said(installation) == [("verification-requested", "unverified"), ("confirmed", "confirmed")]
    assert client.get(f"/r/{tokens[OWN]}").status_code == 200


def test_used_link_of_who_has_cancelled_says_nothing(client: FlaskClient, tokens: dict[str, str]) -> None:
    """Not even for a moment."""
    confirm(client, tokens)
    client.post(f"/r/{tokens[OWN]}", data=CANCELLING)
    assert asked(client, f"/v/{tokens[VERIFY]}") == asked(client, f"/v/{new_token()}")


def test_link_to_confirm_ends_with_its_time(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock, tokens: dict[str, str]
) -> None:
    """To the moment, and then it is like one that never was; its form leads on if the link names it."""
    rows(installation.urls["registration"], "UPDATE event_copy SET starts_at = starts_at + interval '60 days'")
    hand.advance(timedelta(days=8) - MOMENT)
    assert "<button" in client.get(f"/v/{tokens[VERIFY]}").text
    hand.advance(MOMENT)
    way_on = f'href="/embed/{WEBINAR}?lang=en"'
    poll_until(lambda: way_on in client.get(f"/v/{new_token()}?form={WEBINAR}").text, 5, what="the form is open")
    gone = asked(client, f"/v/{tokens[VERIFY]}?form={WEBINAR}")
    assert gone == asked(client, f"/v/{new_token()}?form={WEBINAR}")
    assert way_on in gone[1].pop()
    for other in ("?form=unknown", "?form=%00", "?form=" + "x" * 5000, ""):
        assert 'href="/embed' not in asked(client, f"/v/{tokens[VERIFY]}{other}")[1].pop()
    assert states(installation) == {1: ("unverified", None)}


def test_own_link_ends_with_what_it_opens(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock, tokens: dict[str, str]
) -> None:
    """Ninety days after the event, wherever that has moved, as long as people are kept; to the moment."""
    confirm(client, tokens)
    url = installation.urls["registration"]
    hand.set(datetime(2040, 3, 1, tzinfo=UTC))
    rows(url, "UPDATE event_copy SET starts_at = %s, ends_at = NULL", hand() - KEPT + MOMENT)
    assert client.get(f"/r/{tokens[OWN]}").status_code == 200
    hand.advance(MOMENT)
    assert asked(client, f"/r/{tokens[OWN]}") == asked(client, f"/r/{new_token()}")
    rows(url, "UPDATE event_copy SET ends_at = starts_at + interval '1 hour'")
    assert client.get(f"/r/{tokens[OWN]}").status_code == 200
    rows(url, "UPDATE event_copy SET ends_at = starts_at, status = 'postponed'")
    assert client.get(f"/r/{tokens[OWN]}").status_code == 200
    rows(url, "UPDATE event_copy SET status = 'held'")
    assert client.get(f"/r/{tokens[OWN]}").status_code == 404
    rows(url, "UPDATE form SET person_days = 91")
    assert client.get(f"/r/{tokens[OWN]}").status_code == 200


def test_own_link_of_a_form_without_event_lasts_while_there_is_something_to_leave(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock, tokens: dict[str, str]
) -> None:
    """Years, and ninety days after that."""
    confirm(client, tokens)
    rows(installation.urls["registration"], "UPDATE form SET event_id = NULL")
    hand.advance(timedelta(days=2000))
    assert client.post(f"/r/{tokens[OWN]}", data=CANCELLING).status_code == 303
    hand.advance(KEPT - MOMENT)
    assert client.get(f"/r/{tokens[OWN]}").status_code == 200
    hand.advance(MOMENT)
    assert asked(client, f"/r/{tokens[OWN]}") == asked(client, f"/r/{new_token()}")


def test_what_is_nearly_a_token_opens_nothing(
    client: FlaskClient, installation: TestInstallation, tokens: dict[str, str]
) -> None:
    """No flipped bit, no half of it, nothing longer; and what is no text is no fault."""
    never = {kind: asked(client, f"/{kind}/{new_token()}") for kind in "rv"}
    for near in altered(tokens[VERIFY]):
        assert asked(client, f"/v/{near}") == never["v"], near
    confirm(client, tokens)
    for near in altered(tokens[OWN]):
        assert asked(client, f"/r/{near}") == never["r"], near
    for near in ("%00", f"own%00{tokens[OWN]}"):
        assert asked(client, f"/r/{near}")[0] == [404] * 3
    assert states(installation) == {1: ("confirmed", None)}


def test_dump_holds_no_token_and_no_hash_of_it_without_its_purpose(
    client: FlaskClient, installation: TestInstallation, tokens: dict[str, str]
) -> None:
    """What lies in the database opens nothing: neither as a link nor hashed once more, at any of the pages."""
    confirm(client, tokens)
    tables = [name for (name,) in rows(installation.urls["registration"], "SELECT tablename FROM pg_tables "
              "WHERE schemaname = 'public'")]  # fmt: skip
    dumped = "".join(str(rows(installation.urls["registration"], f"SELECT t::text FROM {table} t")) for table in tables)
    kept = {OWN: link_hash(tokens[OWN], OWN).hex(), VERIFY: link_hash(tokens[VERIFY], VERIFY).hex()}
    assert all(kept[purpose] in dumped for purpose in kept), "the search finds what is there"
    for token in tokens.values():
        disguises = (token, token.encode().hex(), hashlib.sha256(token.encode()).hexdigest())
        assert [disguise for disguise in disguises if disguise in dumped] == []
    for stored in kept.values():
        assert asked(client, f"/r/{stored}") == asked(client, f"/r/{new_token()}")
        assert asked(client, f"/v/{stored[:43]}") == asked(client, f"/v/{new_token()}")


def test_form_that_asks_for_no_confirmation_makes_no_link_for_it(
    client: FlaskClient, installation: TestInstallation
) -> None:
    """Nothing lies about that nobody uses."""
    rows(installation.urls["registration"], "UPDATE form SET verification = 'none'")
    assert client.post(REGISTRATIONS, json=answers(1)).get_json()["status"] == "confirmed"
    assert [sorted(content) for content in opened_boxes(installation)] == [["address", "name", "time_zone", "token"]]
    assert rows(installation.urls["registration"], "SELECT verify_hash FROM registration") == [(None,)]


def test_form_that_stops_asking_meanwhile_leaves_no_link(client: FlaskClient, installation: TestInstallation) -> None:
    """The service knows a form for a second: whoever has a seat at once has nothing to confirm."""
    register(client, 1)
    rows(installation.urls["registration"], "UPDATE form SET verification = 'none'")
    register(client, 2)
    found = "SELECT status, verify_hash IS NULL FROM registration ORDER BY id"
    assert rows(installation.urls["registration"], found) == [("unverified", False), ("confirmed", True)]
    token: Any = mailed_to(installation, 2)
    assert client.get(f"/v/{token['verify']}").status_code == 404
    assert client.get(f"/r/{token['token']}").status_code == 200


def test_hash_says_for_what_a_token_is() -> None:
    """SHA-256 of purpose, NUL and token."""
    token = new_token()
    assert link_hash(token, VERIFY) == hashlib.sha256(b"verify\0" + token.encode()).digest()
    assert [sent_hash(token, purpose) for purpose in (OWN, VERIFY)] == [link_hash(token, OWN), link_hash(token, VERIFY)]
    assert [sent_hash(text, OWN) for text in ("", token + "\n", token[:-1] + "é", "own\0" + token)] == [None] * 4
