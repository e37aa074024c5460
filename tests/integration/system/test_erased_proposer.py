"""A proposer goes all the way through the whole system, then erases their data or is forgotten in time: of what they
wrote, of what was written to them and of what was made of it, a tombstone and counts are left."""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from deploy.local.installation import SAMPLE
from services.registration.cleanup import RULES
from shared.db.cleanup import Cleanup
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from tests.support.clients import rows, submissions_path
from tests.support.clock import FrozenClock
from tests.support.installation import make_installation
from tests.support.participants import MANAGING, SinkLinks, confirm_in_time
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.proposals import FORM, proposal_answers
from tests.support.registration_service import open_registration
from tests.support.run_folder import RunFolder
from tests.support.stack import Stack, assert_audited
from tests.support.waiting import poll_until
from tests.support.web import RunningWeb, load_folder, start_web

WORDS = {name: f"canary{name}7f3a" for name in ("title", "summary", "organisation", "name", "speakers", "note")}
ADDRESS = "canaryaddress7f3a@example.org"
DATABASES = ("registration", "events", "notifications")
KEPT_UNDECIDED = 365
OWN_MAILS = "SELECT kind, state, recipient FROM mail ORDER BY kind"
RECEIPTS = "SELECT encode(receipt_hash, 'hex') FROM submission WHERE kind = 'submission'"

Ending = Callable[["Proposer"], None]


class Proposer:
    """The whole system with one proposal in it, which coordinators have returned with a note and then accepted."""

    def __init__(self, stack: Stack, web: RunningWeb) -> None:
        self.stack, self.web = stack, web
        self.registration_url = stack.web.url if stack.web else ""

    def go(self) -> None:
        """Propose, confirm, be returned and accepted, each with its mail."""
        given = {name: word for name, word in WORDS.items() if name != "note"}
        content = proposal_answers(given.pop("title"), **given, email=ADDRESS)
        answer = requests.post(self.registration_url + submissions_path(FORM), json=content, timeout=10)
        assert answer.status_code == 202, answer.text
        confirm_in_time(self.registration_url, self.stack.mail_folder, ADDRESS)
        poll_until(
            lambda: self.stack.sql("events", "SELECT 1 FROM proposal"), 30, what="coordinators have the proposal"
        )
        for verb, kind in (("return", "proposal-returned"), ("accept", "proposal-accepted")):
            self._decide(verb)
            self.sent(kind)

    def _decide(self, verb: str) -> None:
        [(proposal,)] = self.stack.sql("events", "SELECT id::text FROM proposal")
        key = {"Authorization": f"Bearer {self.stack.installation.secrets.coordinator_key}", "If-Match": "*"}
        path = f"{self.web.url}/v1/proposals/{proposal}/{verb}"
        answer = requests.post(path, json={"note": WORDS["note"]}, headers=key, timeout=10)
        assert answer.status_code == 200, answer.text

    def sent(self, kind: str) -> None:
        """Wait until a mail of this kind went, and registration shows what was decided."""
        mailed = "SELECT count(*) FROM mail WHERE kind = %s AND state = 'sent'"
        poll_until(lambda: self.stack.sql("notifications", mailed, kind) == [(1,)], 60, what=f"mail {kind}")
        shown = "SELECT status FROM proposal_state"
        verb = kind.removeprefix("proposal-")
        poll_until(lambda: self.stack.sql("registration", shown) == [(verb,)], 30, what="the own page shows it")

    def traces(self) -> dict[str, bytes]:
        """What is stored of the one person, by its place: words, and what was encrypted or hashed."""
        stored = {word: word.encode() for word in (*WORDS.values(), ADDRESS.partition("@")[0])}
        for service, tables in {
            "registration": ("registration", "proposal_state"),
            "events": ("proposal", "roster"),
            "notifications": ("recipient",),
        }.items():
            for table in tables:
                [row] = self.stack.sql(service, f"SELECT to_jsonb(t) FROM {table} t")
                content: Any = row[0]
                stored |= {
                    f"{service}.{table}.{column}": bytes.fromhex(value[2:])
                    for column, value in content.items()
                    if isinstance(value, str) and value.startswith("\\x") and len(value) > 20
                }
        return stored

    def found(self, traces: dict[str, bytes]) -> set[str]:
        """Those that are in any row of any table, plain, in hexadecimal or in base64."""
        found: set[str] = set()
        for url in (self.stack.installation.urls[service] for service in DATABASES):
            for (table,) in rows(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
                text = "\n".join(str(row[0]) for row in rows(url, f"SELECT t::text FROM {table} t")).lower()
                for name, trace in traces.items():
                    forms = (trace.hex(), base64.b64encode(trace).hex(), trace.hex().encode().hex())
                    if any(form in text for form in forms) or ("." not in name and name in text):
                        found.add(name)
        return found

    def is_gone(self) -> bool:
        """Whether every service has a tombstone in its place."""
        tables = {
            "registration": ("registration",),
            "events": ("proposal", "roster"),
            "notifications": ("recipient",),
        }
        return all(
            self.stack.sql(service, f"SELECT count(*) FROM {table} WHERE erased_at IS NOT NULL") == [(1,)]
            for service, names in tables.items()
            for table in names
        )


@pytest.fixture
def proposer(
    postgres: PostgresServer, run_folder: RunFolder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proposer]:
    """Everything on the embedded bus."""
    processes = ProcessGroup(run_folder)
    stack = Stack(processes, make_installation(postgres, tmp_path_factory.mktemp("proposer")))
    try:
        stack.start(workers=1)
        load_folder(stack.installation, SAMPLE)
        made = Proposer(stack, start_web(processes, stack.installation, workers=1, service="events"))
        made.go()
        yield made
    finally:
        processes.end()


def erase(proposer: Proposer) -> None:
    """Press the button on the own page."""
    token = SinkLinks(proposer.stack.mail_folder).newest(ADDRESS, MANAGING)
    answer = requests.post(f"{proposer.registration_url}/r/{token}", data={"action": "erase"}, timeout=10)
    assert (answer.status_code, "Your data has been erased" in answer.text) == (200, True)


def wait(proposer: Proposer) -> None:
    """Let the side event find no place for a year."""
    now = datetime.now(UTC)
    with open_registration(proposer.stack.installation, FrozenClock(now)) as service:
        service.announce_and_tend(now + timedelta(days=KEPT_UNDECIDED + 1))


@pytest.mark.parametrize("ending", [erase, wait])
def test_proposer_leaves_a_tombstone_and_counts_alone(proposer: Proposer, ending: Ending) -> None:
    """Not only what they typed is searched for, but everything encrypted or hashed that was made of it."""
    stack, traces = proposer.stack, proposer.traces()
    assert proposer.found(traces) == set(traces), "the control: all of it is there to be found"
    ending(proposer)
    poll_until(proposer.is_gone, 60, what="all services have consumed it")
    _clean_up_a_day_later(stack)
    assert proposer.found(traces) == set()
    for service in ("registration", "events"):
        written = "SELECT type FROM outbox WHERE body <> '' AND type ~ 'registration|proposal'"
        assert stack.sql(service, written) == [], service
    assert stack.sql("registration", "SELECT count(*) FROM proposal_state") == [(0,)]
    assert {recipient for _, _, recipient in stack.sql("notifications", OWN_MAILS)} == {None}
    assert stack.sql("events", "SELECT status, count(*) FROM roster GROUP BY 1") == [("cancelled", 1)]
    assert_audited(stack, [str(row[0]) for row in stack.sql("registration", RECEIPTS)])


def _clean_up_a_day_later(stack: Stack) -> None:
    engine = open_engine(stack.installation.urls["registration"])
    Cleanup(UnitOfWork(engine, "registration"), "registration", RULES).run_once(datetime.now(UTC) + timedelta(hours=25))
    engine.dispose()
