"""The profile ``keys``: the keys of forms move from their folder to a second PostgreSQL, as docs/how-to/deploy.md says.

Answers that were sealed before can still be read, and both doctors find no fault before and after.
"""

import re
from collections.abc import Iterator

import pytest
import requests

from deploy.local.installation import SAMPLE, WEBINAR
from tests.deploy.installation import DESK_HOST, Compose, InboxLinks
from tests.support.participants import Participant
from tests.support.waiting import poll_until

DOCTORS = ("doctor", "doctor-logins")
OWN_DATABASE = re.compile(r"ok +database-schema +keys: schema \d+")
FORMS = "SELECT form FROM form_private_key ORDER BY form"
EXISTS = "SELECT to_regclass('form_private_key') IS NOT NULL"


@pytest.fixture(scope="module")
def installed(images: None) -> Iterator[Compose]:
    """With the sample's forms, whose keys are files."""
    compose = Compose("troika-keys")
    compose.remove()
    try:
        compose.up()
        compose.tool("events", "load", str(SAMPLE), "--move-to-next", WEBINAR)
        compose.tool("registration", "load", str(SAMPLE))
        yield compose
    finally:
        print(compose.run("ps", "--all", check=False).stdout)
        compose.remove()


@pytest.fixture(scope="module")
def line(installed: Compose, tmp_path_factory: pytest.TempPathFactory) -> requests.Session:
    """Trusts the gateway."""
    return installed.session(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def reader(installed: Compose) -> dict[str, str]:
    """Headers of someone who may open sealed answers."""
    roles = ("--role", "coordinator", "--role", "sealed-reader")
    return {"Authorization": f"Bearer {installed.tool('access', 'add', 'a reader', *roles).strip()}"}


def register(installed: Compose, line: requests.Session, links: InboxLinks, number: int) -> None:
    """With a sealed answer, from the form to the confirmation of the address."""
    person = Participant(installed.url(), links, number, line=line)
    needs = f"captions for {number}"
    poll_until(
        lambda: person.submit(f"key-of-person-{number:05}", access_needs=needs).status == 202,
        60,
        every_s=0.5,
        what="it is accepted",
    )
    poll_until(person.confirm, 120, every_s=0.5, what="the mail has come and nothing waits behind its link")


def needs_of_all(installed: Compose, line: requests.Session, reader: dict[str, str], people: int) -> set[str]:
    """The sealed answers of everyone."""
    api = f"{installed.url(DESK_HOST)}/v1/registrations"

    def listed() -> list[dict[str, str]]:
        page = line.get(api, params={"form": WEBINAR}, headers=reader, timeout=30).json()
        found: list[dict[str, str]] = page["items"]
        return found if len(found) == people else []

    answers = set()
    for one in poll_until(listed, 60, every_s=0.5, what="all are listed"):
        reason = {"reason": "The captions are ordered"}
        opened = line.post(f"{api}/{one['id']}/sealed", json=reason, headers=reader, timeout=30)
        assert opened.status_code == 200, opened.text
        answers.add(opened.json()["answers"]["access_needs"])
    return answers


def sql(installed: Compose, server: str, statement: str) -> list[str]:
    """Rows of the database ``keys`` on a server, as its superuser."""
    psql = f'PGPASSWORD=$(cat /run/troika/password) psql -h 127.0.0.1 -U postgres -d keys -Atc "{statement}"'
    return installed.run("exec", "-T", server, "sh", "-c", psql).stdout.split()


def reported(installed: Compose, doctor: str) -> str:
    """What a doctor prints; it finds no fault."""
    done = installed.run("run", "--rm", doctor, check=False)
    print(done.stdout)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def move(installed: Compose) -> None:
    """The commands of docs/how-to/deploy.md, Several hosts."""
    installed.run("stop", "registration-web")
    installed.settings |= {"TROIKA_FORM_KEYS": "", "COMPOSE_PROFILES": "keys,trial"}
    installed.run("run", "--rm", "prepare")
    installed.run("up", "--detach", "--wait", "keys-postgres")
    installed.run("run", "--rm", "databases")
    installed.tool("registration", "keys", "copy", "/var/lib/troika/form-keys")
    installed.up()


@pytest.mark.timeout(1800)
def test_keys_of_forms_move_to_their_own_server(
    installed: Compose, line: requests.Session, reader: dict[str, str]
) -> None:
    links = InboxLinks(installed.inbox)
    register(installed, line, links, 1)
    assert needs_of_all(installed, line, reader, 1) == {"captions for 1"}
    assert [OWN_DATABASE.search(reported(installed, doctor)) for doctor in DOCTORS] == [None, None]
    move(installed)
    assert len(sql(installed, "keys-postgres", FORMS)) == 6
    assert sql(installed, "postgres", EXISTS) == ["f"]
    register(installed, line, links, 2)
    assert needs_of_all(installed, line, reader, 2) == {"captions for 1", "captions for 2"}
    first, second = (reported(installed, doctor) for doctor in DOCTORS)
    assert OWN_DATABASE.search(first)
    assert "the keys database fits the database" in second
    listed = installed.tool("registration", "keys", "list")
    assert WEBINAR in listed, listed
