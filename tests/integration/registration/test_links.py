"""Links in mails: each for its purpose and period only; only their hash is stored."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from services.registration.people.model import CONFIRMATION, OWN
from shared.runtime.ids import link_hash, new_token, sent_hash
from tests.support.clients import answers, rows
from tests.support.registration_service import RegistrationService

KEPT = timedelta(days=90)
STEP = timedelta(microseconds=1)
CHOOSING, CANCELLING = {"action": "choose"}, {"action": "cancel"}
ADDRESS = "participant-1@example.org"


@pytest.fixture
def confirming(service: RegistrationService) -> str:
    """The token of the link by which someone confirms what they have sent."""
    assert service.submit(answers(1)).status_code == 202
    service.decide()
    return service.confirmation_token(ADDRESS)


@pytest.fixture
def own(service: RegistrationService, confirming: str) -> str:
    """The token of the managing link of that person, who has confirmed."""
    assert service.confirm(ADDRESS) == ["confirmed"]
    return service.own_token(1)


def asked(client: FlaskClient, path: str) -> tuple[list[int], set[str]]:
    """The statuses of reading ``path`` and of pressing each button there, and the pages, without their nonces."""
    made = [client.get(path), client.post(path, data=CHOOSING), client.post(path, data=CANCELLING)]
    shown = [answer for answer in made if answer.status_code != 400]
    assert all(answer.headers["Cache-Control"] == "no-store" for answer in shown)
    return [answer.status_code for answer in shown], {answer.text.split("</head>")[-1] for answer in shown}


def altered(token: str) -> list[str]:
    """What is nearly a token: each with one bit of one sign flipped, cut short, made longer, or no text at all."""
    flipped = [token[:place] + chr(ord(token[place]) ^ 1) + token[place + 1 :] for place in range(len(token))]
    return [*flipped, token[:-1], token[1:], token + "A", token + "=", "x" * 5000, "%ff"]


def test_each_link_opens_nothing_where_another_leads(service: RegistrationService, confirming: str, own: str) -> None:
    """The page for nothing is the same for every token that opens nothing."""
    client, never = service.client, new_token()
    gone = {kind: asked(client, f"/{kind}/{never}") for kind in "rc"}
    assert {kind: set(statuses) for kind, (statuses, _) in gone.items()} == {"r": {404}, "c": {404}}
    assert [len(pages) for _, pages in gone.values()] == [1, 1]
    assert asked(client, f"/r/{confirming}") == gone["r"]
    assert asked(client, f"/c/{own}") == gone["c"]
    assert client.get(f"/r/{own}").status_code == 200
    assert client.get(f"/c/{confirming}").status_code == 200


def test_confirmation_link_ends_after_seven_days(service: RegistrationService, confirming: str) -> None:
    """Valid to the instant, and afterwards like a link that never existed."""
    service.clock.advance(timedelta(days=7) - STEP)
    assert service.client.get(f"/c/{confirming}").status_code == 200
    service.clock.advance(STEP)
    assert asked(service.client, f"/c/{confirming}") == asked(service.client, f"/c/{new_token()}")
    assert rows(service.url, "SELECT count(*) FROM registration") == [(0,)]


def test_own_link_ends_with_what_it_opens(service: RegistrationService, own: str) -> None:
    """Ninety days after the event, even if it has moved, as long as people are kept; to the instant."""
    client, clock = service.client, service.clock
    clock.set(datetime(2040, 3, 1, tzinfo=UTC))
    rows(service.url, "UPDATE event_copy SET starts_at = %s, ends_at = NULL", clock() - KEPT + STEP)
    assert client.get(f"/r/{own}").status_code == 200
    clock.advance(STEP)
    assert asked(client, f"/r/{own}") == asked(client, f"/r/{new_token()}")
    rows(service.url, "UPDATE event_copy SET ends_at = starts_at + interval '1 hour'")
    assert client.get(f"/r/{own}").status_code == 200
    rows(service.url, "UPDATE event_copy SET ends_at = starts_at, status = 'postponed'")
    assert client.get(f"/r/{own}").status_code == 200
    rows(service.url, "UPDATE event_copy SET status = 'held'")
    assert client.get(f"/r/{own}").status_code == 404
    rows(service.url, "UPDATE form SET person_days = 91")
    assert client.get(f"/r/{own}").status_code == 200


def test_own_link_of_a_form_without_event_lasts_while_there_is_something_to_leave(
    service: RegistrationService, own: str
) -> None:
    """Years, and ninety days after that."""
    rows(service.url, "UPDATE form SET event_id = NULL")
    service.clock.advance(timedelta(days=2000))
    assert service.own(own, "cancel").status_code == 303
    own = service.own_token(1)
    service.clock.advance(KEPT - STEP)
    assert service.client.get(f"/r/{own}").status_code == 200
    service.clock.advance(STEP)
    assert asked(service.client, f"/r/{own}") == asked(service.client, f"/r/{new_token()}")


def test_what_is_nearly_a_token_opens_nothing(service: RegistrationService, confirming: str, own: str) -> None:
    """No flipped bit, no half of it, nothing longer; and what is no text is no fault."""
    for kind, token in (("c", confirming), ("r", own)):
        never = asked(service.client, f"/{kind}/{new_token()}")
        for near in altered(token):
            assert asked(service.client, f"/{kind}/{near}") == never, near
        for near in ("%00", f"own%00{token}"):
            assert set(asked(service.client, f"/{kind}/{near}")[0]) == {404}
    assert service.states() == {1: ("confirmed", None)}


def test_dump_holds_no_token_and_no_hash_of_it_without_its_purpose(
    service: RegistrationService, confirming: str, own: str
) -> None:
    """What lies in the database opens nothing: neither as a link nor hashed again, at any of the pages."""
    tables = rows(service.url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    dumped = "".join(str(rows(service.url, f"SELECT t::text FROM {table} t")) for (table,) in tables)
    kept = {OWN: link_hash(own, OWN).hex(), CONFIRMATION: link_hash(confirming, CONFIRMATION).hex()}
    assert all(kept[purpose] in dumped for purpose in kept), "the search finds what is there"
    for token in (own, confirming):
        disguises = (token, token.encode().hex(), hashlib.sha256(token.encode()).hexdigest())
        assert [disguise for disguise in disguises if disguise in dumped] == []
    for stored in kept.values():
        for kind in "rc":
            never = asked(service.client, f"/{kind}/{new_token()}")
            assert [asked(service.client, f"/{kind}/{text}") for text in (stored, stored[:43])] == [never] * 2


def test_of_the_managing_links_the_five_newest_live(service: RegistrationService, own: str) -> None:
    """Each message carries one: an old mail found by someone else opens nothing."""
    tokens = [own]
    for _ in range(5):
        service.clock.advance(timedelta(minutes=5))
        service.submit(answers(1))
        service.decide()
        waiting = service.waiting(ADDRESS)
        with service.deciding():
            service.client.post(
                f"/c/{service.confirmation_token(ADDRESS)}",
                data={"action": "send-link", "registration": waiting.registered[0].id},
            )
        tokens.append(service.own_token(1))
    assert len(set(tokens)) == 6
    assert [service.client.get(f"/r/{token}").status_code for token in tokens] == [404, *[200] * 5]


def test_hash_depends_on_the_purpose_of_the_token() -> None:
    """SHA-256 of purpose, NUL and token."""
    token = new_token()
    assert link_hash(token, OWN) == hashlib.sha256(b"own\0" + token.encode()).digest()
    both = (OWN, CONFIRMATION)
    assert [sent_hash(token, purpose) for purpose in both] == [link_hash(token, purpose) for purpose in both]
    assert [sent_hash(text, OWN) for text in ("", token + "\n", token[:-1] + "é", "own\0" + token)] == [None] * 4
