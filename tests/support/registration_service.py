"""The registration service in this process: its application, its decider and its cleanup, each with its own login."""

import base64
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from services.registration.intake.decider import Decider
from services.registration.intake.form_view import view_form
from services.registration.intake.model import Act, Choice
from services.registration.intake.service import Intake
from services.registration.key_stores import keys_engine
from services.registration.own.commands import send_choices
from services.registration.own.service import WaitingForOwner, show_waiting
from services.registration.people.messages import RegistrationMessages
from services.registration.settings import RegistrationSettings, read_settings
from services.registration.web import build_app
from services.registration.workers import ImportRun, Tending, make_decider, make_import_run
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.security.sealing import open_sealed, read_keys
from tests.support.clients import WEBINAR, address_of, answers, rows, submissions_path
from tests.support.clock import FrozenClock, agreeing
from tests.support.form_encoding import to_form_encoded
from tests.support.installation import TestInstallation

NAME = "registration"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class RegistrationService:
    """What someone who fills in forms, a coordinator and an operator see of the service.

    Attributes:
        installation: databases and secrets.
        clock: of all its processes; the database agrees with it, but stamps ``received_at`` by its own.
        app: its web application.
        client: of that application.
        engine, work_of_web: of that application.
        outgoing: adds its messages to the outbox.
        decider: of its queue.
        url: of its database, for the migrator.
    """

    def __init__(self, installation: TestInstallation, clock: FrozenClock, opened: ExitStack) -> None:
        self.installation, self.clock, self._opened = installation, clock, opened
        self.url = installation.urls[NAME]
        self._private = read_keys(installation.secrets.folder / "notifications.key")
        self._decide_settings = settings = self.settings("decide")
        self.decider = self.new_decider()
        web = self.settings("web")
        self.engine = open_engine(installation.url(NAME, "web"), pool_timeout_s=30.0)
        opened.callback(self.engine.dispose)
        keys_database = keys_engine(web)
        if keys_database is not None:
            opened.callback(keys_database.dispose)
        self.app = build_app(web, self.engine, clock=clock, keys_database=keys_database)
        self.client: FlaskClient = self.app.test_client()
        self.work_of_web = UnitOfWork(self.engine, NAME)
        self.intake = Intake(self.work_of_web, web.intake_keys[0])
        self.outgoing = RegistrationMessages(settings.notifications_key, settings.events_key)

    def work(self, process: str) -> UnitOfWork:
        """Transactions on the database with the login of a process."""
        engine = open_engine(self.installation.url(NAME, process))
        self._opened.callback(engine.dispose)
        return UnitOfWork(engine, NAME)

    def settings(self, process: str) -> RegistrationSettings:
        """What a process reads of its environment."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.installation.environment(NAME, process).items():
                patch.setenv(name, value)
            return read_settings(process)

    def new_decider(self) -> Decider:
        """Another decider of the same queue, as another process has it."""
        work = self.work("decide")
        return make_decider(self._decide_settings, work, agreeing(self.clock, work))

    def new_import_run(self) -> ImportRun:
        """What imports people, as a process has it that has just started."""
        work = self.work("decide")
        return make_import_run(self._decide_settings, work, agreeing(self.clock, work), self.new_decider())

    # intake

    def submit(
        self, content: Mapping[str, Any], form: str = WEBINAR, headers: Mapping[str, str] = NO_HEADERS
    ) -> TestResponse:
        """Submit a form by JSON."""
        return self.client.post(submissions_path(form), json=content, headers=headers)

    def decide(self) -> None:
        """Run the decider until nothing is left to do."""
        while self.decider.run_once():
            pass

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """A decider runs beside the body of the block."""
        over = threading.Event()

        def run() -> None:
            while not over.is_set():
                if not self.decider.run_once():
                    over.wait(0.005)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def outcome(self, receipt: str) -> Any:
        """What became of a submission or a command."""
        found = self.intake.receipt(receipt)
        assert found is not None
        return found.outcome

    # links

    def confirmation_token(self, address: str) -> str:
        """The token of the newest confirmation mail to ``address``."""
        return str([box["token"] for box in self.boxes("confirmation.wanted.v1") if box["address"] == address][-1])

    def waiting(self, address: str) -> WaitingForOwner:
        """What waits behind the newest confirmation link of ``address``."""
        return show_waiting(self.work_of_web, self.confirmation_token(address), self.clock())

    def choose(self, waiting: WaitingForOwner, *choices: Choice) -> list[str]:
        """Send choices by a command, decide, and return the result of each."""
        view = view_form(self.work_of_web, waiting.pending[0].form, self.clock())
        receipt = send_choices(self.intake, view, waiting, choices)
        self.decide()
        return [str(one["result"]) for one in self.outcome(receipt)]

    def confirm(self, address: str) -> list[str]:
        """Confirm everything that waits for the owner of ``address``."""
        waiting = self.waiting(address)
        return self.choose(waiting, *(Choice(one.id, Act.CONFIRM) for one in waiting.pending))

    def press(self, token: str, **fields: str) -> TestResponse:
        """Send the form of the page behind a confirmation link, while a decider runs."""
        with self.deciding():
            return self.client.post(f"/c/{token}", data={"action": "choose", **fields})

    def confirm_by_page(self, token: str) -> TestResponse:
        """Press *confirm* for everything that waits behind a confirmation link; returns the page after it."""
        waiting = show_waiting(self.work_of_web, token, self.clock())
        answer = self.press(token, **{f"choice-{one.id}": "confirm" for one in waiting.pending})
        assert answer.status_code == 303, answer.text
        return self.client.get(answer.headers["Location"])

    def own(self, token: str, action: str, **fields: str) -> TestResponse:
        """Press a button on the page behind a managing link, while a decider runs."""
        with self.deciding():
            return self.client.post(f"/r/{token}", data={"action": action, **fields})

    def change(self, token: str, step: str, revision: int | None = None, **given: Any) -> TestResponse:
        """Send the form of a step of the own page, while a decider runs: ``given`` alone, as a browser sends it.

        Args:
            token: of a managing link.
            step: ``answers`` or ``details``.
            revision: that was seen; None for the one that the page shows now.
            given: answers, and what is sent beside them.
        """
        path = f"/r/{token}/{step}"
        seen = revision or int(re.findall(r'name="revision" value="(\d+)"', self.client.get(path).text)[0])
        with self.deciding():
            return self.client.post(path, data=MultiDict([("revision", str(seen)), *to_form_encoded(given)]))

    # people

    def enrol(self, content: Mapping[str, Any], form: str = WEBINAR, headers: Mapping[str, str] = NO_HEADERS) -> str:
        """Submit a form and confirm it as the owner of its address, a second later than all that was before.

        Returns:
            the id of the registration.
        """
        self.clock.advance(seconds=1)
        answer = self.submit(content, form, headers)
        assert answer.status_code == 202, answer.text
        self.decide()
        [result] = self.confirm(str(content["email"]))
        assert result in ("confirmed", "waitlisted"), result
        newest = "SELECT id::text FROM registration WHERE email = %s AND form = %s ORDER BY id DESC LIMIT 1"
        return str(rows(self.url, newest, content["email"], form)[0][0])

    def register(self, *numbers: int) -> None:
        """Register the participants with these numbers; they confirm in this order."""
        self.enrol_all([answers(number) for number in numbers])

    def enrol_all(self, contents: Sequence[Mapping[str, Any]], form: str = WEBINAR) -> list[str]:
        """Submit a form for many people with an address each, who then confirm in this order; returns the results.

        All of it happens a second later than all that was before.
        """
        self.clock.advance(seconds=1)
        given = [self.submit(content, form) for content in contents]
        assert [answer.status_code for answer in given] == [202] * len(contents), given[0].text
        self.decide()
        receipts = self.send_confirmations([str(content["email"]) for content in contents])
        self.decide()
        results = [str(one["result"]) for receipt in receipts for one in self.outcome(receipt)]
        assert set(results) <= {"confirmed", "waitlisted"}, results
        return results

    def send_confirmations(self, addresses: Sequence[str]) -> list[str]:
        """Send that the owner of each address confirms everything; returns the commands' receipts, not decided yet."""
        tokens = {str(box["address"]): str(box["token"]) for box in self.boxes("confirmation.wanted.v1")}
        receipts = []
        for address in addresses:
            waiting = show_waiting(self.work_of_web, tokens[address], self.clock())
            view = view_form(self.work_of_web, waiting.pending[0].form, self.clock())
            choices = [Choice(one.id, Act.CONFIRM) for one in waiting.pending]
            receipts.append(send_choices(self.intake, view, waiting, choices))
        return receipts

    def own_token(self, number: int) -> str:
        """The token of the newest managing link of the participant with this number."""
        return self.managing_token(address_of(number))

    def managing_token(self, address: str) -> str:
        """The token of the newest managing link that was mailed to ``address``."""
        undo = {box["token"] for box in self.boxes("registration.address-changed")}
        mailed = [box["token"] for box in self.boxes("registration.") if box["address"] == address]
        return str([token for token in mailed if token not in undo][-1])

    def undo_token(self, address: str) -> str:
        """The token of the newest undo link that was mailed to ``address``."""
        found = [box["token"] for box in self.boxes("registration.address-changed.v1") if box["address"] == address]
        return str(found[-1])

    def ask_address(self, token: str, email: str) -> TestResponse:
        """Ask for another address on the page behind a managing link, while a decider runs; returns the own page."""
        with self.deciding():
            answer = self.client.post(f"/r/{token}/address", data={"email": email, "lang": "en"})
        self.decide()  # the mail to the new address
        return self.client.get(answer.headers["Location"]) if answer.status_code == 303 else answer

    def choose_address(self, email: str, act: str = "use-address") -> TestResponse:
        """Choose about every change to ``email`` behind the newest link that was mailed there; returns the page."""
        token = self.confirmation_token(email)
        page = self.client.get(f"/c/{token}?lang=en").text
        names = re.findall(r'name="(choice-[^"]+)" value="use-address"', page)
        answer = self.press(token, lang="en", **dict.fromkeys(names, act))
        return self.client.get(answer.headers["Location"]) if answer.status_code == 303 else answer

    def move(self, number: int, email: str) -> None:
        """Let the participant with this number use another address, which confirms."""
        self.ask_address(self.own_token(number), email)
        assert "now uses this address" in self.choose_address(email).text

    def undo(self, token: str, **fields: str) -> TestResponse:
        """Tick the box and press the button behind an undo link, while a decider runs; returns the page after it."""
        with self.deciding():
            answer = self.client.post(f"/r/undo/{token}", data={"lang": "en", "undo": "yes", **fields})
        return self.client.get(answer.headers["Location"]) if answer.status_code == 303 else answer

    def cancel(self, number: int) -> TestResponse:
        """Cancel by the managing link of the participant with this number, a second later than all that was before."""
        self.clock.advance(seconds=1)
        return self.own(self.own_token(number), "cancel")

    def states(self) -> dict[int, tuple[str, int | None]]:
        """(status, position) by participant; those who are erased have no number any more.

        Ids of one batch are in no order.
        """
        found = rows(self.url, "SELECT email, status, position FROM registration WHERE email IS NOT NULL ORDER BY id")
        return {int(row[0].split("-")[1].split("@")[0]): (row[1], row[2]) for row in found}

    def seats(self, form: str = WEBINAR) -> tuple[int, int]:
        """(confirmed, waiting) of a form."""
        [(confirmed, waiting)] = rows(self.url, "SELECT confirmed, waiting FROM seat WHERE form = %s", form)
        return confirmed, waiting

    def capacity(self, seats: int) -> None:
        """Set the capacity behind the service's back, before anyone has registered."""
        rows(self.url, "UPDATE seat SET capacity = %s", seats)

    # messages

    def messages(self, kind: str = "") -> list[dict[str, Any]]:
        """Messages whose type begins with ``kind``, in order."""
        found = rows(self.url, "SELECT body FROM outbox WHERE body <> '' ORDER BY id")
        read = [orjson.loads(bytes(body)) for (body,) in found]
        return [one for one in read if one["type"].removeprefix("org.troika.").startswith(kind)]

    def boxes(self, kind: str) -> list[dict[str, Any]]:
        """The sealed part of messages, as notifications opens it."""
        sealed = [one["data"]["sealed"] for one in self.messages(kind) if "sealed" in one["data"]]
        return [open_sealed(self._private, base64.b64decode(box)) for box in sealed]

    def facts(self) -> list[tuple[str, str]]:
        """(verb, status) of every message about a registration, in order."""
        return [(one["type"].split(".")[-2], one["data"]["status"]) for one in self.messages("registration.")]

    def mailed(self) -> list[str]:
        """Addresses to which a confirmation mail went, in order."""
        return [str(box["address"]) for box in self.boxes("confirmation.wanted.v1")]

    # cleanup

    def tend(self, now: datetime | None = None) -> None:
        """Run ``tend`` once, by its own login, whose host and database agree that it is ``now``."""
        work = self.work("tend")
        Tending(work, agreeing(lambda: now or self.clock(), work), self.outgoing).tick()

    def announce_and_tend(self, now: datetime) -> None:
        """The same where ``tend`` ran the day before too, and has announced what goes."""
        self.tend(now - timedelta(hours=25))
        self.tend(now)


@contextmanager
def open_registration(
    installation: TestInstallation, clock: FrozenClock | None = None
) -> Iterator[RegistrationService]:
    """The service on ``installation``, at the time of ``clock`` or of now; its connections are closed afterwards."""
    with ExitStack() as opened:
        yield RegistrationService(installation, clock or FrozenClock(datetime.now(UTC)), opened)


def open_a_minute_ago(installation: TestInstallation) -> AbstractContextManager[RegistrationService]:
    """The service as it was a minute ago, for people who are registered before a test begins."""
    return open_registration(installation, FrozenClock(datetime.now(UTC) - timedelta(minutes=1)))
