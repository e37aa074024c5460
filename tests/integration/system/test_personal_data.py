"""A person's answers are in the tables meant for them, sealed on the way, and in the mail; nowhere else.

Every form, every field, after requests that were refused for what was in them, after every worker was killed and with
messages parked. What is found where is compared with the list of what is allowed, which is printed.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.integration.system.encoded_words import disguises_of
from tests.integration.system.every_form import Place
from tests.integration.system.system_after_faults import DATABASES, KILLED, Troubled, troubled
from tests.support.audit_checks import parked_at
from tests.support.clients import rows
from tests.support.postgres import PostgresServer
from tests.support.proposals import FORM as PROPOSAL
from tests.support.rabbitmq import RabbitNode
from tests.support.run_folder import RunFolder

REGISTRATION, EVENTS, MAIL = "registration's database", "events' database", "mail"
IN_MAILS = {"name", "email"}
COMMON = 4
"""Letters with which every searched word begins: large files are seldom worth a search for each."""

READ_IN_EVENTS = {"title", "summary", "organisation"}
"""Texts of a proposal that coordinators read in events; the names of its speakers are encrypted there."""


def allowed(place: Place) -> set[str]:
    """Where the answer to a question may be."""
    if place.sealed:
        return set()
    proposed = place.form == PROPOSAL
    mail = {MAIL} if place.field in IN_MAILS or (proposed and place.field == "title") else set()
    events = {EVENTS} if proposed and place.field in READ_IN_EVENTS else set()
    return {REGISTRATION, *events, *mail}


@pytest.fixture(scope="module")
def everything(
    node: RabbitNode, postgres: PostgresServer, run_folder: RunFolder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Troubled]:
    """After all of it."""
    with troubled(node, postgres, run_folder, tmp_path_factory.mktemp("troubled")) as made:
        yield made


@pytest.fixture(scope="module")
def dumps(everything: Troubled) -> dict[str, bytes]:
    """Every database as text."""
    return {name: everything.dump(name) for name in DATABASES}


def words_of(everything: Troubled) -> dict[Place, str]:
    """What is searched for."""
    return {place: word for filled in everything.filled for place, word in filled.words.items()}


def found_in(everything: Troubled, content: bytes) -> list[str]:
    """The fields whose answers ``content`` holds, as text or as UTF-16."""
    lowered = content.lower()
    beginnings = {word[:COMMON] for word in words_of(everything).values()}
    if not any(word.encode() in lowered or word.encode("utf-16-le") in lowered for word in beginnings):
        return []
    return [
        str(place)
        for place, word in words_of(everything).items()
        if word.encode() in lowered or word.encode("utf-16-le") in lowered
    ]


def files_below(*folders: Path) -> list[Path]:
    """Every file below the folders."""
    found = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return [path for path in found if path.is_file() and not path.is_symlink()]


def test_there_was_trouble(everything: Troubled) -> None:
    """Else there was nothing to leak from."""
    parked = parked_at(everything.stack.address)
    queues = {queue for _, queue, _ in parked}
    assert {"notifications.mail", "events.rollup"} <= queues
    assert {name: everything.stack.programs[name].running for name in KILLED} == dict.fromkeys(KILLED, True)
    assert len({filled.form for filled in everything.filled}) == 6
    assert len(words_of(everything)) > 30


def test_canaries_are_where_they_may_be(everything: Troubled, dumps: dict[str, bytes]) -> None:
    """Each where it has to be, and nowhere else: what is searched for below is there to be found."""
    mails = everything.mails().replace(b"=\r\n", b"").replace(b"=\n", b"")
    texts = {REGISTRATION: dumps["registration"], EVENTS: dumps["events"], MAIL: mails}
    found = {
        place: {name for name, text in texts.items() if word.encode() in text}
        for place, word in words_of(everything).items()
    }
    print("what may be where:")
    for place in found:
        print(f"  {place!s:44} {', '.join(sorted(allowed(place))) or 'nowhere in clear'}")
    assert {str(place): where - allowed(place) for place, where in found.items() if where - allowed(place)} == {}
    missing = {str(place): allowed(place) - where for place, where in found.items() if not place.sealed}
    assert {place: where for place, where in missing.items() if where - {MAIL}} == {}
    assert {place for place, where in missing.items() if MAIL in where and place.endswith(".email")} == set()


@pytest.mark.parametrize("service", DATABASES)
def test_no_database_holds_what_is_sealed_or_is_of_another_in_any_disguise(
    everything: Troubled, dumps: dict[str, bytes], service: str
) -> None:
    """In no encoding, however deep in a message; registration's own of what is not sealed apart."""
    own = {"registration": REGISTRATION, "events": EVENTS}.get(service)
    foreign = {str(place): word for place, word in words_of(everything).items() if own not in allowed(place)}
    assert len(foreign) >= 6
    assert service == "registration" or {f"{PROPOSAL}.{field}" for field in ("name", "email", "speakers")} <= {*foreign}
    whole = dumps[service]
    assert {place: hidden for place, word in foreign.items() if (hidden := disguises_of(word, whole))} == {}


def test_no_personal_data_in_other_databases(everything: Troubled, dumps: dict[str, bytes]) -> None:
    """Of notifications not a word, of events none but a proposal's own texts."""
    assert b"INSERT INTO public.recipient " in dumps["notifications"]
    assert found_in(everything, dumps["notifications"]) == []
    of_events = {place.partition(".")[0] for place in found_in(everything, dumps["events"])}
    assert of_events == {PROPOSAL}


def test_no_personal_data_in_logs(everything: Troubled) -> None:
    """Of our processes, the gateway, PostgreSQL and the broker."""
    logs = everything.stack.processes.log_text()
    assert logs.count('"logger"') > 3
    assert found_in(everything, logs.encode()) == []
    others = [everything.postgres.log, *files_below(everything.node.log_folder)]
    others += list(everything.run.path.glob("gateway-*/gateway.log"))
    assert len(others) >= 3
    assert {str(path): found for path in others if (found := found_in(everything, path.read_bytes()))} == {}
    tokens = everything.mails().replace(b"=\r\n", b"").replace(b"=\n", b"").decode()
    links = {link for part in tokens.split("/r/")[1:] for link in [part[:43]] if len(link) == 43}
    assert len(links) > 3
    assert [link for link in links if link in logs or any(link.encode() in path.read_bytes() for path in others)] == []


def test_no_personal_data_in_metrics(everything: Troubled) -> None:
    """Labels are bounded words; the broker's own page too."""
    stack = everything.stack
    pages = [f"{web.url}/-/{name}/metrics" for name, web in everything.webs.items()]
    pages += [f"http://127.0.0.1:{port}/metrics" for name, port in stack.ports.items() if name not in ("smtp", "inbox")]
    assert len(pages) >= 12
    for page in pages:
        assert found_in(everything, requests.get(page, timeout=10).content) == [], page


def test_no_personal_data_at_the_broker(everything: Troubled) -> None:
    """Nothing readable in its data folder, write-ahead logs and parked messages included."""
    files = files_below(everything.node.data_folder)
    written = b"".join(path.read_bytes() for path in files)
    assert found_in(everything, written) == []
    assert b"org.troika.registration.confirmed.v1" in written
    assert b"/forged/registration" in written


def test_no_personal_data_in_outbox(everything: Troubled) -> None:
    """What leaves a service is closed, but for what everyone may know of a proposal."""
    for service in DATABASES:
        stored = rows(everything.stack.installation.urls[service], "SELECT body FROM outbox")
        bodies = b"".join(bytes(body) for (body,) in stored)
        assert found_in(everything, bodies) == [], service


def test_no_personal_data_in_temporary_files(everything: Troubled) -> None:
    """All that processes, gateway and broker have written in the run's folder, and the content of shared memory."""
    mails, data, own = everything.stack.mail_folder, everything.postgres.data_folder, everything.run.path
    shared = [place for place in Path("/dev/shm").iterdir() if place != own.parent]
    files = [
        path for path in files_below(own, *shared) if not path.is_relative_to(mails) and not path.is_relative_to(data)
    ]
    assert len(files) > 30
    assert {str(path): found for path in files if (found := _search(everything, path))} == {}


def _search(everything: Troubled, path: Path) -> list[str]:
    try:
        return found_in(everything, path.read_bytes())
    except FileNotFoundError:  # gone in the meantime
        return []
