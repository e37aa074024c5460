"""A dump of every database, taken after a traveller has registered, shows no sealed answer; readings are in the log.

The whole system runs, on the embedded bus, whose table is dumped too. A traveller registers, confirms the address, is
mailed and counted; the sealed answers are read; requests with faults in them, a repeated one and a second attempt are
made; a cancellation is left in the bus. Then ``pg_dump`` writes everything as text.
"""

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import requests
from sqlalchemy import make_url

from deploy.local.installation import SAMPLE
from services.registration.forms.standard_forms import standard_form
from services.registration.sealing.model import field_names
from shared.db.embedded_server import binaries
from shared.runtime.accounts import service_account
from tests.integration.system.encoded_words import disguises_of
from tests.support.form_encoding import to_form_encoded
from tests.support.installation import make_installation
from tests.support.participants import MANAGING, confirm_in_time
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.run_folder import RunFolder
from tests.support.stack import Stack
from tests.support.waiting import poll_until
from tests.support.web import load_folder

FORM = "geneva-delegation"
MARK = "zq7f3a9kx"
"""In every answer that can hold it, with the name of its field before it."""

SEALED = {
    "arrives_on": "2037-11-23",
    "leaves_on": "2037-11-29",
    "nationality": "BV",
    "visa_letter": True,
    "passport_number": f"PASSPORT{MARK}",
    "passport_expires_on": "2043-10-17",
    "emergency_contact": f"contact{MARK}",
    "hotel": "block",
    "hotel_nights": 47,
    "diet": f"diet{MARK}",
    "access_needs": f"needs{MARK}",
}
ASKED_FIRST = {name: SEALED[name] for name in ("diet", "access_needs")}
"""Of those, what the form asks; the rest is asked on the own page."""
UNIQUE = [str(value) for value in SEALED.values() if len(str(value)) >= 10]
"""Answers that only a leak can bring into a dump. Of the others, too short, the fields' names are searched for."""

CLEAR = {"side_events": f"clear{MARK}", "name": f"name{MARK}", "email": f"{MARK}@example.org", "consent": True}
REASON = "Her visa letter is being written"
DATABASES = ("registration", "events", "notifications", "bus")


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer, run_folder: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole system, after everything that is described above."""
    processes = ProcessGroup(run_folder)
    made = Stack(processes, make_installation(postgres, tmp_path_factory.mktemp("dump")))
    try:
        made.start()
        load_folder(made.installation, SAMPLE)
        known = "SELECT count(*) FROM event_copy WHERE id = 'upr-review'"
        poll_until(lambda: made.sql("registration", known) == [(1,)], 60, what="registration has consumed the review")
        token = register(made)
        leave_in_the_bus(made, token)
        yield made
    finally:
        processes.end()


@pytest.fixture(scope="module")
def dumps(stack: Stack, run_folder: RunFolder) -> dict[str, bytes]:
    """Every database as ``pg_dump`` writes it, by name."""
    counted = "SELECT count(*) FROM registration_count_change"
    poll_until(lambda: stack.sql("registration", counted) == [(0,)], 30, what="tend has added the counts up")
    program = binaries(run_folder.path, service_account("postgres", "nobody")) / "pg_dump"
    return {name: dump(program, stack.installation.urls[name]) for name in DATABASES}


def dump(program: Path, url: str) -> bytes:
    """One database with every row of every table, as text."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    done = subprocess.run([program, "--inserts", "--dbname", address], capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def register(stack: Stack) -> str:
    """A traveller, with everything that may leave a trace; returns the token of their link."""
    assert stack.web is not None
    address, headers = f"{stack.web.url}/v1/forms/{FORM}/submissions", {"Idempotency-Key": "sealed-dump-test"}
    content = {**ASKED_FIRST, **CLEAR, "language": "en", "partner": "example-partner"}
    for _ in range(2):
        assert requests.post(address, json=content, headers=headers, timeout=20).status_code == 202
    assert requests.post(address, json=content, timeout=20).status_code == 202
    for fault in ({"country": "XX"}, {"surprise": f"needs{MARK}"}, {"leaves_on": "2037-11-29"}):
        assert requests.post(address, json={**content, **fault}, timeout=20).status_code == 422
    links = confirm_in_time(stack.web.url, stack.mail_folder, str(CLEAR["email"]))
    token = str(poll_until(partial(links.newest, str(CLEAR["email"]), MANAGING), 60, what="the managing link"))
    give_details(f"{stack.web.url}/r/{token}/details")
    coordinator = {"Authorization": f"Bearer {stack.installation.secrets.coordinator_key}"}
    [person] = requests.get(f"{stack.web.url}/v1/registrations", headers=coordinator, timeout=20).json()["items"]
    read = f"{stack.web.url}/v1/registrations/{person['id']}/sealed"
    opened = requests.post(read, json={"reason": REASON}, headers=coordinator, timeout=20)
    assert opened.json() == {"answers": SEALED}
    counted = "SELECT count(*) FROM roster WHERE status = 'confirmed'"
    poll_until(lambda: stack.sql("events", counted) == [(1,)], 60, what="the traveller is counted")
    managing = partial(links.newest, str(CLEAR["email"]), MANAGING)
    return str(poll_until(managing, 60, what="the mail with the managing link"))


def give_details(address: str) -> None:
    """What is asked after the confirmation: once with a fault, then as it is."""
    seen = re.findall(r'name="revision" value="(\d+)"', requests.get(address, timeout=20).text)
    details = {name: value for name, value in SEALED.items() if name not in ASKED_FIRST}
    given = {**dict(to_form_encoded(details)), "revision": seen[0]}
    assert requests.post(address, data={**given, "leaves_on": "2037-11-20"}, timeout=20).status_code == 422
    assert requests.post(address, data=given, allow_redirects=False, timeout=20).status_code == 303


def leave_in_the_bus(stack: Stack, token: str) -> None:
    """A message about the traveller that no one takes from the bus."""
    for name in ("events-consume", "notifications-consume"):
        stack.programs[name].kill()
    assert stack.web is not None
    address = f"{stack.web.url}/r/{token}"
    assert requests.post(address, data={"action": "cancel"}, timeout=20).status_code == 200
    waiting = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
    poll_until(lambda: stack.sql("registration", waiting) == [(0,)], 60, what="everything was handed to the bus")


def test_every_sealed_field_of_the_form_is_answered() -> None:
    """A field that is sealed from now on must be answered here too."""
    fields = standard_form("delegation", FORM, "Geneva").fields
    assert {field.name for field in fields if field.sealed} == set(SEALED)


def test_dump_is_whole_and_the_search_finds_what_is_there(stack: Stack, dumps: dict[str, bytes]) -> None:
    """What is stored in clear is found, where it may be; every table that has rows is in its dump."""
    for word in (CLEAR["side_events"], CLEAR["name"]):
        assert disguises_of(str(word), dumps["registration"]) != []
    for service in ("registration", "events", "notifications"):
        tables = stack.sql(service, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        filled = [str(table) for (table,) in tables if stack.sql(service, f"SELECT 1 FROM {table} LIMIT 1")]
        absent = [name for name in filled if f"INSERT INTO public.{name} ".encode() not in dumps[service]]
        assert (len(filled) > 4, absent) == (True, [])
    for name, table in (
        ("registration", "outbox"),
        ("events", "inbox"),
        ("notifications", "inbox"),
        ("bus", "bus_message"),
    ):
        assert f"INSERT INTO public.{table}".encode() in dumps[name]


@pytest.mark.parametrize("answer", UNIQUE)
@pytest.mark.parametrize("name", DATABASES)
def test_no_dump_holds_a_sealed_answer(dumps: dict[str, bytes], name: str, answer: str) -> None:
    """Neither in clear nor in any encoding, however deep in a message."""
    assert disguises_of(answer, dumps[name]) == []


@pytest.mark.parametrize("name", DATABASES)
def test_no_dump_holds_the_country_of_a_passport(dumps: dict[str, bytes], name: str) -> None:
    """Two letters, so as a separate word only, where no ciphertext is."""
    text = re.sub(rb"[A-Za-z0-9+/=_-]{24,}", b" ", dumps[name])
    assert re.findall(rb"(?<![A-Za-z])BV(?![A-Za-z])", text) == []


HOTELS = {
    ("events", "INSERT INTO public.hotel_block"),
    ("events", "INSERT INTO public.outbox OVERRIDING SYSTEM VALUE"),
    ("registration", "INSERT INTO public.hotel_copy"),
}
"""Where the rooms of hotels are, and the messages about them: they contain no personal data."""


@pytest.mark.parametrize("field", sorted(SEALED))
def test_sealed_field_is_named_in_questions_alone(dumps: dict[str, bytes], field: str) -> None:
    """An answer that is too short to be searched for would be beside the name of its field."""
    found = {
        (name, line.split(b" VALUES")[0].decode())
        for name, content in dumps.items()
        for line in content.splitlines()
        if b"INSERT INTO" in line and field.encode() in line and re.search(rf"\b{field}\b".encode(), line)
    }
    assert found - HOTELS == {("registration", "INSERT INTO public.form")}


@pytest.mark.parametrize("name", DATABASES)
def test_no_message_or_mail_names_a_sealed_field(stack: Stack, dumps: dict[str, bytes], name: str) -> None:
    """Also inside what is encoded: bodies of messages are dumped in hexadecimal.

    Beside the ciphertexts they are named, all that the form asks for, answered or not.
    """
    questions = rb"INSERT INTO public\.form VALUES .*"
    rest = re.sub(questions, b"", dumps[name])
    [(sealed,)] = stack.sql("registration", "SELECT encode(sealed, 'hex') FROM registration WHERE sealed IS NOT NULL")
    assert field_names(bytes.fromhex(str(sealed))) == sorted(SEALED)
    rest = rest.replace(str(sealed).encode(), b"")
    assert [field for field in SEALED if len(field) > 5 and disguises_of(field, rest)] == []


def test_reading_is_in_the_log_with_reader_and_reason(stack: Stack, dumps: dict[str, bytes]) -> None:
    """In the table, in the dump, and in the interface."""
    [(reader, reason, form)] = stack.sql("registration", "SELECT reader, reason, form FROM sealed_reading")
    assert (reader, reason, form) == ("a coordinator", REASON, FORM)
    [line] = [line for line in dumps["registration"].splitlines() if b"INTO public.sealed_reading" in line]
    assert (REASON.encode() in line, b"'a coordinator'" in line) == (True, True)
    assert stack.web is not None
    coordinator = {"Authorization": f"Bearer {stack.installation.secrets.coordinator_key}"}
    log = requests.get(f"{stack.web.url}/v1/sealed-readings", headers=coordinator, timeout=20).json()["items"]
    assert [(line["reader"], line["reason"], line["form"]) for line in log] == [("a coordinator", REASON, FORM)]


def test_no_log_of_a_process_holds_a_sealed_answer(stack: Stack) -> None:
    """Refused requests were among them."""
    logs = stack.processes.log_text().encode()
    assert b"mail sink" in logs
    assert [answer for answer in UNIQUE if disguises_of(answer, logs)] == []


@pytest.mark.parametrize("word", ["PASSPORT" + MARK, "2037-11-23"])
@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
def test_disguises_are_seen_through(word: str, before: str) -> None:
    """Negative control of the search itself."""
    inner = json.dumps({"data": before + word + "tail"}).encode()
    for hidden in (
        inner,
        inner.hex().encode(),
        base64.b64encode(inner),
        base64.urlsafe_b64encode(inner),
        base64.b64encode(inner.hex().encode()),
        b"\\x" + base64.b64encode(inner).hex().encode(),
        (before + word).encode("utf-16-le"),
        (before + word).encode("utf-16-le").hex().encode(),
    ):
        assert disguises_of(word, b"INSERT INTO t VALUES ('" + hidden + b"');") != [], hidden
    assert disguises_of(word, b"INSERT INTO t VALUES ('nothing', '\\x00112233445566778899aabbccddeeff');") == []
