"""The whole system with people in every state, after trouble: killed processes, parked messages, refused requests."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pika
import requests
from sqlalchemy import make_url

from deploy.local.installation import SAMPLE
from shared.db.embedded_server import binaries
from shared.messaging.broker import FACTS
from shared.messaging.contracts.schemas import TYPE_PREFIX
from shared.runtime.accounts import service_account
from tests.integration.system.every_form import FORMS, Filled, fill, odd_details, odd_requests
from tests.support.audit_checks import parked_at
from tests.support.clients import rows, submissions_path
from tests.support.form_encoding import to_form_encoded
from tests.support.gateway import gateway
from tests.support.installation import make_installation
from tests.support.participants import MANAGING, SinkLinks
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rabbitmq import RabbitNode
from tests.support.run_folder import RunFolder
from tests.support.stack import Stack
from tests.support.waiting import poll_until
from tests.support.web import RunningWeb, load_folder, start_web

KILLED = ("registration-relay", "notifications-consume", "notifications-send", "events-consume", "events-relay")
DATABASES = ("registration", "events", "notifications")
A_FEW = 3
"""More messages than that are parked, of different types: a consumer that meets many in a row stops."""
_OF_A_PERSON = """
    SELECT type, min(convert_from(body, 'UTF8')) FROM outbox
    WHERE type ~ '(registration.confirmed|confirmation.wanted|proposal)' AND body <> ''
    GROUP BY type ORDER BY type
"""
REVISION = re.compile(r'name="revision" value="(\d+)"')
CHOICE = re.compile(r'name="(choice-[^"]+)" value="confirm"')
ACCEPTED = {"If-Match": "*"}


@dataclass(slots=True)
class Troubled:
    """Attributes:
    stack: of all processes but the web services of events and notifications.
    webs: all web services, by service.
    public: address of the gateway.
    filled: every form as it was sent.
    run: folder of the run.
    node: of the broker.
    postgres: the server of all databases.
    """

    stack: Stack
    webs: dict[str, RunningWeb]
    public: str
    filled: list[Filled]
    run: RunFolder
    node: RabbitNode
    postgres: PostgresServer
    killed: list[str] = field(default_factory=list)

    def mails(self) -> bytes:
        """All mails that have gone out, as they went."""
        return b"\n".join(file.read_bytes() for file in sorted(self.stack.mail_folder.glob("*.eml")))

    def dump(self, name: str) -> bytes:
        """A database with every row of every table, as text."""
        program = binaries(self.run.path, service_account("postgres", "nobody")) / "pg_dump"
        url = make_url(self.stack.installation.urls[name]).set(drivername="postgresql")
        address = url.render_as_string(hide_password=False)
        done = subprocess.run([program, "--inserts", "--dbname", address], capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def send(self, filled: Filled) -> None:
        """Send a form through the gateway."""
        answer = requests.post(self.address(filled.form), json=dict(filled.answers), timeout=20)
        assert answer.status_code == 202, answer.text

    def address(self, form: str) -> str:
        """Where a form is sent to."""
        return self.public + submissions_path(form)


@contextmanager
def troubled(node: RabbitNode, postgres: PostgresServer, run: RunFolder, folder: Path) -> Iterator[Troubled]:
    """Everyone registers, confirms, is mailed; some requests are refused, some messages parked, all workers killed."""
    processes = ProcessGroup(run)
    stack = Stack(processes, make_installation(postgres, folder), (node.amqp_url(),))
    try:
        stack.start(capacity=100)
        assert stack.web is not None
        others = {name: start_web(processes, stack.installation, workers=1, service=name) for name in DATABASES[1:]}
        load_folder(stack.installation, SAMPLE)
        known = "SELECT count(*) >= 4 AND (SELECT count(*) > 0 FROM working_group_copy) FROM event_copy"
        poll_until(lambda: stack.sql("registration", known) == [(True,)], 60, what="registration knows the programme")
        webs = {"registration": stack.web, **others}
        with gateway(run, webs) as public:
            made = Troubled(stack, webs, public, [fill(form) for form in FORMS], run, node, postgres)
            _happen(made)
            yield made
    finally:
        processes.end()


def _happen(made: Troubled) -> None:
    for filled in made.filled:
        for content, headers in odd_requests(filled):
            answer = requests.post(made.address(filled.form), data=content, headers=headers, timeout=20)
            assert 400 <= answer.status_code < 500, answer.text
    for filled in made.filled:
        made.send(filled)
    for name in KILLED:
        made.stack.kill(name)
        made.killed.append(name)
    wanted = len(made.filled)
    poll_until(lambda: len(list(made.stack.mail_folder.glob("*.eml"))) >= wanted, 120, what="everyone was written to")
    _confirm(made)
    _give_details(made)
    _decide(made)
    for filled in made.filled:
        made.send(filled)  # the same address again
    _park(made)
    pending = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
    open_mails = "SELECT count(*) FROM mail WHERE state IN ('queued', 'claimed') AND (due_at IS NULL OR due_at < now())"
    for service, what in {**dict.fromkeys(DATABASES, pending), "notifications": open_mails}.items():
        poll_until(lambda s=service, w=what: made.stack.sql(s, w) == [(0,)], 120, what=f"{service} is at rest")  # type: ignore[misc]


def _confirm(made: Troubled) -> None:
    """Follow every link of every mail, and confirm by those that ask for it."""
    text = made.mails().replace(b"=\r\n", b"").replace(b"=\n", b"").decode()
    links = sorted(set(re.findall(r"https?://[^/\s]+(/[cru]/[\w-]{20,})", text)))
    assert len(links) >= len(made.filled)
    for path in links:
        assert requests.get(made.public + path, timeout=20).status_code == 200
        if path.startswith("/c/"):
            _choose(made.public + path)
    confirmed = "SELECT count(*) FROM registration WHERE status = 'confirmed'"
    poll_until(partial(_all_confirmed, made, confirmed), 60, what="everyone has confirmed")


def _choose(address: str) -> None:
    """Confirm everything that waits behind a link."""
    choices = dict.fromkeys(CHOICE.findall(requests.get(address, timeout=20).text), "confirm")
    assert choices
    assert requests.post(address, data={**choices, "action": "choose"}, timeout=20).status_code == 200


def _all_confirmed(made: Troubled, statement: str) -> bool:
    return made.stack.sql("registration", statement) == [(len(FORMS),)]


def _give_details(made: Troubled) -> None:
    """What is asked after the confirmation, on the page behind the managing link: with faults first, then as it is."""
    links, some = SinkLinks(made.stack.mail_folder), [filled for filled in made.filled if filled.details]
    for filled in some:
        newest = partial(links.newest, str(filled.answers["email"]), MANAGING)
        address = f"{made.public}/r/{poll_until(newest, 60, what='the managing link was mailed')}/details"
        seen = {"revision": REVISION.findall(requests.get(address, timeout=20).text)[0]}
        for details in odd_details(filled):
            answer = requests.post(address, data={**dict(to_form_encoded(details)), **seen}, timeout=20)
            assert answer.status_code == 422, answer.text
        given = {**dict(to_form_encoded(filled.details)), **seen}
        assert requests.post(address, data=given, allow_redirects=False, timeout=20).status_code == 303
    stored = "SELECT count(*) FROM registration WHERE details_at IS NOT NULL"
    assert some
    poll_until(lambda: made.stack.sql("registration", stored) == [(len(some),)], 60, what="the details are stored")


def _decide(made: Troubled) -> None:
    """Accept the proposal, once events has it."""
    key = {"Authorization": f"Bearer {made.stack.installation.secrets.coordinator_key}"}
    found = poll_until(lambda: made.stack.sql("events", "SELECT id::text FROM proposal"), 60, what="the proposal came")
    path = f"{made.webs['events'].url}/v1/proposals/{found[0][0]}/accept"
    assert requests.post(path, json={"note": ""}, headers=key | ACCEPTED, timeout=20).status_code == 200


def _park(made: Troubled) -> None:
    """Copies of messages about people, of a sender that may not publish them: no one can handle these."""
    address = made.node.amqp_url()
    connection = pika.BlockingConnection(pika.URLParameters(address))
    sent = 0
    for service in ("registration", "events"):
        url = made.stack.installation.urls[service]
        for kind, body in rows(url, _OF_A_PERSON):
            key = str(kind).removeprefix(TYPE_PREFIX)
            connection.channel().basic_publish(FACTS, key, str(body).replace('"/troika/', '"/forged/').encode())
            sent += 1
    connection.close()
    assert sent > A_FEW, "of both services"
    poll_until(lambda: len(parked_at(made.stack.address)) >= sent, 60, what="they are parked")
