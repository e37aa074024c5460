"""Rate limits: what they count by, the answers to clients, and what is stored."""

import multiprocessing
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits.storage import Storage

from shared.http.problems import refuse_too_many
from shared.runtime.deployment import LimitSettings, read_networks, read_proxies, read_rate
from shared.runtime.metrics import requests_limited_total
from shared.security.rate_limits import MAX_PROBES, Counters, CounterTable, Limits, limit_views, limited
from tests.support.clock import FrozenClock
from tests.support.waiting import poll_until

GATEWAY = read_proxies("127.0.0.1")
RATES = {"intake": "3 per hour", "link": "2 per minute"}


class Watched(Counters):
    """Counts, and remembers what of."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: set[str] = set()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """See :class:`Counters`."""
        self.keys.add(key)
        return super().incr(key, expiry, amount)


def made(clock: FrozenClock, counters: Counters | None = None, **settings: Any) -> FlaskClient:
    """An application with one form and one link."""
    app = Flask("limited")

    @app.post("/forms/<slug>")
    @limited("intake")
    def register(slug: str) -> str:
        return slug

    @app.get("/link")
    @limited("link")
    def link() -> str:
        return "link"

    @app.get("/free")
    def free() -> str:
        return "free"

    limit_views(
        app, Limits("limited", LimitSettings(**{"rates": RATES, **settings}), GATEWAY, clock, counters), refuse_too_many
    )
    return app.test_client()


@pytest.fixture
def client(clock: FrozenClock) -> FlaskClient:
    return made(clock)


def post(client: FlaskClient, address: str, form: str = "a", **headers: str) -> int:
    return client.post(f"/forms/{form}", headers={"X-Forwarded-For": address, **headers}).status_code


def test_limit_of_an_address_is_exact(client: FlaskClient) -> None:
    assert [post(client, "203.0.113.1") for _ in range(5)] == [200, 200, 200, 429, 429]
    assert post(client, "203.0.113.2") == 200


def test_ipv6_subnet_has_one_budget(client: FlaskClient) -> None:
    assert [post(client, f"2001:db8:1:2::{number}") for number in range(4)] == [200, 200, 200, 429]
    assert post(client, "2001:db8:1:3::1") == 200


@pytest.mark.parametrize(
    ("subnets", "let_in"),
    [
        ([f"2001:db8:1:{number:x}::1" for number in range(40)], 12),
        ([f"2001:db8:1:{number:x}00::1" for number in range(100)], 48),
    ],
    ids=["of one home (/56)", "of one site (/48)"],
)
def test_client_with_many_subnets_has_one_budget_over_all(client: FlaskClient, subnets: list[str], let_in: int) -> None:
    """Four times that of one subnet for a /56 prefix, sixteen times for a /48: who has one can use any of its parts."""
    assert [post(client, subnet) for subnet in subnets].count(200) == let_in
    assert post(client, "2001:db8:2::1") == 200


def test_forged_header_changes_nothing(client: FlaskClient) -> None:
    """A client behind the gateway can only prepend to what it writes; one without it, nothing."""
    through = [post(client, f"198.51.100.{number}, 203.0.113.1") for number in range(4)]
    assert through == [200, 200, 200, 429]
    direct = {"REMOTE_ADDR": "203.0.113.9"}
    answers = [
        client.post("/forms/a", headers={"X-Forwarded-For": f"198.51.100.{number}"}, environ_base=direct)
        for number in range(4)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


def test_form_is_open_to_others_however_many_networks_flood_it(client: FlaskClient) -> None:
    """There is no limit for a form or for all together: a client that reached one could close the form for everyone."""
    flood = [post(client, f"203.0.113.{number % 20}") for number in range(2000)]
    assert flood.count(200) == 20 * 3
    assert {post(client, f"198.51.100.{number}") for number in range(40)} == {200}


def test_budget_of_a_network_is_one_over_all_forms(client: FlaskClient) -> None:
    assert [post(client, "203.0.113.1", form) for form in ("a", "b", "c", "d")] == [200, 200, 200, 429]


def test_exempt_network_is_not_counted(clock: FrozenClock) -> None:
    client = made(clock, exempt=read_networks("203.0.113.0/24, 2001:db8::/32"))
    assert {post(client, "203.0.113.1") for _ in range(20)} == {200}
    assert {post(client, "2001:db8:5::1") for _ in range(20)} == {200}
    assert [post(client, "198.51.100.1") for _ in range(4)] == [200, 200, 200, 429]


def test_view_that_states_no_limit_has_none(client: FlaskClient) -> None:
    assert {client.get("/free").status_code for _ in range(20)} == {200}
    assert [client.get("/link").status_code for _ in range(3)] == [200, 200, 429]


def test_unknown_kind_of_limit_is_an_error_at_once(clock: FrozenClock) -> None:
    app = Flask("mistaken")
    app.add_url_rule("/", view_func=limited("intakes")(lambda: ""), endpoint="mistaken")
    with pytest.raises(KeyError):
        limit_views(app, Limits("mistaken", LimitSettings(), GATEWAY, clock), refuse_too_many)


def test_program_gets_a_retry_after(client: FlaskClient) -> None:
    before = requests_limited_total.labels("limited", "link", "network")._value.get()
    for _ in range(2):
        client.get("/link")
    answer = client.get("/link")
    assert (answer.status_code, answer.content_type) == (429, "application/problem+json")
    assert answer.get_json() == {
        "type": "urn:troika:problem:too-many",
        "title": "Too many requests",
        "status": 429,
        "code": "too-many",
    }
    assert 58 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["Cache-Control"] == "no-store"
    assert requests_limited_total.labels("limited", "link", "network")._value.get() == before + 1


@pytest.mark.parametrize("language", ["en", "fr", "es", "ar", "ru", "zh"])
def test_person_gets_the_refusal_in_their_language(client: FlaskClient, language: str) -> None:
    headers = {"X-Forwarded-For": "203.0.113.1", "Accept": "text/html", "Accept-Language": f"{language},en;q=0.5"}
    pages = [client.post("/forms/a", headers=headers) for _ in range(4)]
    page = pages[-1].get_data(as_text=True)
    assert (pages[-1].status_code, pages[-1].mimetype) == (429, "text/html")
    assert pages[-1].headers["Content-Language"] == language
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in page
    _head, _end, shown = page.partition("</head>")
    assert "60" in shown  # minutes
    assert "{" not in shown


def test_address_is_kept_as_a_hash_that_is_another_one_tomorrow(clock: FrozenClock) -> None:
    counters = Watched()
    client = made(clock, counters)
    post(client, "203.0.113.77")
    today = set(counters.keys)
    clock.advance(timedelta(days=1))
    post(client, "203.0.113.77")
    both = counters.keys
    of_addresses = {key for key in both if "/network/" in key}
    assert len(of_addresses) == 2
    assert len(of_addresses & today) == 1
    assert not any("203.0.113" in key for key in both)


def test_hash_depends_on_the_key(clock: FrozenClock) -> None:
    kept = []
    for key in (bytes(32), bytes([1]) * 32):
        counters = Watched()
        post(made(clock, counters, key=key), "203.0.113.77")
        kept.append({key for key in counters.keys if "/network/" in key})
    assert kept[0].isdisjoint(kept[1])


def test_settings_hold_neither_key_nor_password_in_their_representation() -> None:
    settings = LimitSettings("redis://user:secret@example.org", key=b"k" * 32)
    assert "secret" not in repr(settings)
    assert "kkk" not in repr(settings)


@pytest.mark.parametrize("text", ["", "many", "0 per hour", "5", "5 per hour;", "-1 per day", "5 per fortnight"])
def test_rate_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a rate such as"):
        read_rate(text)


def test_storage_that_is_away_keeps_no_one_out(clock: FrozenClock, caplog: pytest.LogCaptureFixture) -> None:
    """Each process counts for itself in that time, and queries again only after a while."""
    client = made(clock, storage_url="redis://127.0.0.1:1")
    assert [post(client, "203.0.113.1") for _ in range(4)] == [200, 200, 200, 429]
    logged = [record.message for record in caplog.records if record.name == "shared.security.rate_limits"]
    assert logged == ["the storage of limits is away: each process counts for itself"]
    assert "203.0.113" not in caplog.text


class TestCounters:
    """As the library's own storage does, within bounds."""

    def test_window_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [1000.0]
        monkeypatch.setattr("shared.security.rate_limits.time.time", lambda: now[0])
        storage = Counters()
        assert [storage.incr("a", 60), storage.incr("a", 60), storage.incr("b", 60)] == [1, 2, 1]
        assert (storage.get("a"), storage.get_expiry("a")) == (2, 1060.0)
        now[0] = 1060.0
        assert storage.get("a") == 0
        assert storage.incr("a", 60) == 1

    def test_memory_is_bounded_and_the_count_that_ends_first_gives_way(self) -> None:
        storage = Counters(CounterTable(slots=MAX_PROBES))
        for number in range(MAX_PROBES):
            storage.incr(str(number), 60 + number)
        assert storage.incr("new", 3600) == 1
        assert [storage.get(str(number)) for number in range(MAX_PROBES)] == [0] + [1] * (MAX_PROBES - 1)

    def test_forgets(self) -> None:
        storage = Counters()
        for key in ("a", "b", "c"):
            storage.incr(key, 60)
        storage.clear("a")
        storage.clear("never counted")
        assert [storage.get(key) for key in ("a", "b", "c")] == [0, 1, 1]
        storage.reset()
        assert [storage.get(key) for key in ("a", "b", "c")] == [0, 0, 0]

    def test_processes_count_together_and_exactly(self) -> None:
        """Each of four adds to the same keys; one that is killed while it counts holds up no one."""
        storage = Counters(CounterTable())
        fork = multiprocessing.get_context("fork")
        ended = fork.Process(target=_count_for_ever, args=(storage,))
        ended.start()
        poll_until(lambda: storage.get("for ever") > 100, what="it counts")
        ended.kill()
        ended.join()
        workers = [fork.Process(target=_count, args=(storage, 500)) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(30)
        assert [storage.get(f"key {number}") for number in range(5)] == [400] * 5

    def test_it_is_a_storage_of_the_library(self) -> None:
        assert isinstance(Counters(), Storage)
        assert Counters().check()


def _count(storage: Counters, times: int) -> None:
    for number in range(times):
        storage.incr(f"key {number % 5}", 60)


def _count_for_ever(storage: Counters) -> None:
    while True:
        storage.incr("for ever", 60)
