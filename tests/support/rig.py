"""A whole system whose processes follow orders: a test can make each crash, fail or freeze, and it is restarted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.shape import WORKERS, worker_name
from shared.db.roles import login
from tests.support.arrivals import CONFIRM_WITHIN_S, TIMEOUT_S, Arrivals
from tests.support.clients import rows
from tests.support.launching import orders
from tests.support.launching.calls import calls_in, file_beside
from tests.support.launching.parts import LEDGER
from tests.support.launching.plan import Plan
from tests.support.stack import Stack
from tests.support.waiting import poll_until

WEB = "registration-web"
PROGRAMS = (WEB, *(worker_name(*worker) for worker in WORKERS))
LEASE_S = 2
"""Of a mail: a dialogue with the tests' own sink takes milliseconds."""

SETTINGS = {
    "TROIKA_MAIL_LEASE_S": str(LEASE_S),
    "TROIKA_MAIL_UNKNOWN_AFTER_S": "1",
}
NEWS_CONSUMER = worker_name("notifications", "consume")
QUICK = frozenset({"relay", "consume", "send", "schedule", "solve", "tend", "decide"})
"""Roles with pauses that a test has no time for."""
ARRIVING_PER_S = 40.0


@dataclass(slots=True)
class Rig:
    """Attributes:
    stack: everything.
    folder: of orders and markers.
    consumers_parts: replaced in every consumer, beside the record of effects.
    people: who has come so far.
    arrived: how many have been sent on their way.
    """

    stack: Stack
    folder: Path
    consumers_parts: Sequence[str] = ()
    people: Arrivals = field(init=False)
    arrived: int = 0
    _markers: int = 0

    def start(self) -> None:
        """Start everything under orders, with nothing planned, and the record of effects in place."""
        for name in PROGRAMS:
            orders.give(self._file(name), parts=self._parts(name))
        self.stack.command = self._command
        self.stack.settings |= SETTINGS
        for service in ("registration", "events", "notifications"):
            rows(self.stack.installation.urls[service], LEDGER)
            rows(self.stack.installation.urls[service], f"GRANT INSERT ON effect_ledger TO {login(service, 'consume')}")
        self.stack.start()
        assert self.stack.web is not None
        self.stack.programs[WEB] = self.stack.web.program
        self.people = Arrivals(self.stack.web.url, ARRIVING_PER_S, self.stack.mail_folder)

    def plan(self, name: str, plan: Plan) -> None:
        """Let program ``name`` follow ``plan`` from now on."""
        orders.give(self._file(name), plan)

    def disarm(self, name: str) -> None:
        """Let nothing happen in program ``name`` from now on."""
        orders.give(self._file(name))

    def marker(self) -> str:
        """Path of a file that is not there yet."""
        self._markers += 1
        return str(self.folder / f"marker-{self._markers}")

    def restart(self, name: str, parts: Sequence[str]) -> None:
        """Start program ``name`` again with ``parts`` beside its usual ones."""
        orders.give(self._file(name), parts=(*self._parts(name), *parts))
        self.stack.programs[name].kill()
        self.stack.programs[name].start_again()

    def keep_up(self) -> None:
        """Restart all that have ended, as a supervisor does. From the main thread only."""
        for program in self.stack.programs.values():
            if not program.running:
                program.start_again()

    def wait_until(self, condition: Callable[[], bool], within_s: float, what: str) -> None:
        """Wait for ``condition`` and keep everything running; ``AssertionError`` when it does not come."""

        def holds() -> bool:
            self.keep_up()
            return condition()

        poll_until(holds, within_s, every_s=0.05, what=what)

    def arrive(self, count: int) -> None:
        """Let people register, and wait until each has confirmed or has timed out."""
        if count:
            arriving = self.people.during(count / self.people.per_second, self.arrived)
            self.arrived += count
            self.wait_until(
                lambda: not arriving.is_alive(), TIMEOUT_S + CONFIRM_WITHIN_S + count, "everyone has confirmed"
            )

    def calls(self) -> dict[str, set[str]]:
        """Whom each program has connected to so far, ``host:port``; those that called no one are left out."""
        called = {name: calls_in(file_beside(self._file(name))) for name in PROGRAMS}
        return {name: addresses for name, addresses in called.items() if addresses}

    def _parts(self, name: str) -> list[str]:
        role = name.rpartition("-")[2]
        quick = [f"quick-{role}"] if role in QUICK else []
        quick += ["quick-news"] if name == NEWS_CONSUMER else []
        return [*quick, "effect-ledger", *self.consumers_parts] if role == "consume" else quick

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.orders"

    def _command(self, service: str, role: str) -> str:
        return f"tests.support.launching {self._file(worker_name(service, role))} -- services.{service} {role}"
