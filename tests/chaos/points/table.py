"""Which fail points are broken where: every point, the programs it is tried on, the buses on which that makes sense.

A point of the registry without a row here fails a test, and so does a row that is no point. A cell is one fault: a
program, a point of it, what it does there, and at which arrival.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

from deploy.shape import worker_name
from tests.support.launching.plan import Action, Error, Plan

Bus = Literal["rabbitmq", "embedded"]

BUSES: tuple[Bus, ...] = get_args(Bus)
ACTIONS: tuple[Action, ...] = get_args(Action)
HITS = (1, 7)

PROGRAMS_BY_ROLE = {
    "web": ("registration-web",),
    "decide": (worker_name("registration", "decide"),),
    "relay": (worker_name("registration", "relay"), worker_name("notifications", "relay")),
    "consume": (worker_name("events", "consume"), worker_name("notifications", "consume")),
    "send": (worker_name("notifications", "send"),),
    "schedule": (worker_name("notifications", "schedule"),),
    "solve": (worker_name("events", "solve"),),
    "tend": (worker_name("registration", "tend"),),
}
"""The programs that a registration passes through. The relay of events and the consumer of registration are the same
code on other tables."""

APART = frozenset(PROGRAMS_BY_ROLE["schedule"] + PROGRAMS_BY_ROLE["solve"] + PROGRAMS_BY_ROLE["tend"])
"""Programs that never use a bus: tried beside the embedded one alone."""

SHORT_HANG_S = 1.2
LEASE_HANG_S = 4.0
"""Longer than the lease of a mail: another process decides about it in the meantime."""
LONG_HANG_S = 30.0
"""Longer than heartbeats, and than the database waits for the next statement of a transaction."""


@dataclass(frozen=True, slots=True)
class Row:
    """Attributes:
    roles: of the programs on which the point is tried.
    buses: on which it exists.
    error: what it raises: what could really be raised there.
    hang_s: how long it hangs.
    long: the program that it holds for ``LONG_HANG_S`` at the first arrival: one for each link between two.
    """

    roles: tuple[str, ...]
    buses: tuple[Bus, ...] = BUSES
    error: Error = "bug"
    hang_s: float = SHORT_HANG_S
    long: str = ""


def _relay(*, buses: tuple[Bus, ...] = BUSES, error: Error = "bug", long: str = "") -> Row:
    return Row(("relay",), buses, error, long=long)


def _consume(error: Error = "bug", *, long: str = "") -> Row:
    return Row(("consume",), error=error, long=long)


def _send(error: Error = "line", *, long: str = "") -> Row:
    return Row(("send",), error=error, hang_s=LEASE_HANG_S, long=long)


_SCHEDULE, _SOLVE = Row(("schedule",), error="database"), Row(("solve",), error="database")
_DECIDE = Row(("decide",))
_EVERYWHERE = tuple(PROGRAMS_BY_ROLE)
_RABBITMQ: tuple[Bus, ...] = ("rabbitmq",)
_EMBEDDED: tuple[Bus, ...] = ("embedded",)

TABLE: dict[str, Row] = {
    "transaction.ready": Row(_EVERYWHERE, error="database", long="registration-web"),
    "transaction.committed": Row(_EVERYWHERE, error="database"),
    "intake.storing": Row(("web",)),
    "intake.stored": Row(("web",)),
    "decide.claimed": _DECIDE,
    "decide.decided": Row(("decide",), error="database", long="registration-decide"),
    "decide.committed": _DECIDE,
    "decide.mailed": _DECIDE,
    "relay.claimed": _relay(long="registration-relay"),
    "relay.publishing": _relay(),
    "relay.published": _relay(),
    "relay.marked": _relay(error="database"),
    "relay.committed": _relay(),
    "publisher.sent": _relay(buses=_RABBITMQ, long="registration-relay"),
    "publisher.confirm": _relay(buses=_RABBITMQ),
    "embedded.stored": Row(("relay", "consume"), _EMBEDDED, "database", long="registration-relay"),
    "embedded.committed": Row(("relay", "consume"), _EMBEDDED, "database"),
    "consume.received": _consume(),
    "inbox.applied": _consume("database", long="events-consume"),
    "inbox.committed": _consume(),
    "settle.ack": _consume("line", long="events-consume"),
    "settle.acked": _consume("line"),
    "settle.retry": _consume("line"),
    "settle.retried": _consume("line"),
    "settle.park": _consume("line"),
    "settle.parked": _consume("line"),
    "send.claimed": _send("bug"),
    "smtp.connect": _send(),
    "smtp.ehlo": _send(),
    "smtp.rset": _send(),
    "smtp.mail": _send(),
    "smtp.rcpt": _send(),
    "send.begun": _send("bug", long="notifications-send"),
    "smtp.data": _send(),
    "smtp.content": _send(),
    "smtp.dot": _send(long="notifications-send"),
    "send.handed-over": _send("bug"),
    "send.settled": _send("bug"),
    "smtp.quit": _send(),
    "schedule.decided": _SCHEDULE,
    "schedule.chunk": _SCHEDULE,
    "schedule.announced": _SCHEDULE,
    "schedule.reminders": _SCHEDULE,
    "solve.claimed": _SOLVE,
    "solve.searched": _SOLVE,
    "solve.stored": _SOLVE,
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault."""

    bus: Bus
    program: str
    point: str
    action: Action
    hit: int

    def __str__(self) -> str:
        return f"{self.bus}/{self.program}/{self.point}/{self.action}/{self.hit}"

    @property
    def hang_s(self) -> float:
        """How long it hangs, if that is its action, seconds."""
        row = TABLE[self.point]
        return LONG_HANG_S if row.long == self.program and self.hit == 1 else row.hang_s

    def plan(self, marker: str) -> Plan:
        """The orders of the program."""
        return Plan(self.point, self.hit, self.action, marker, TABLE[self.point].error, self.hang_s)


def all_cells() -> list[Cell]:
    """Every cell."""
    return [
        Cell(bus, program, point, action, hit)
        for point, row in TABLE.items()
        for role, bus, action, hit in product(row.roles, row.buses, ACTIONS, HITS)
        for program in PROGRAMS_BY_ROLE[role]
        if bus == "embedded" or program not in APART
    ]


def short_cells() -> list[Cell]:
    """Each point once for each role that reaches it, killed at its first arrival: on RabbitMQ, where it belongs there.

    A sender has more points than anyone else, none of which is about the bus: a quarter is tried beside the other one.
    """
    first = [cell for cell in all_cells() if (cell.action, cell.hit) == ("kill", 1)]
    chosen: dict[tuple[str, str], Cell] = {}
    for cell in first:
        place = (_role(cell), cell.point)
        preferred = "embedded" if _role(cell) == "send" and list(TABLE).index(cell.point) % 4 == 0 else "rabbitmq"
        if place not in chosen or (chosen[place].bus != preferred and cell.bus == preferred):
            chosen[place] = cell
    return list(chosen.values())


def waves(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Cells that are tried together, one a program; long hangs come last and together."""
    queues: dict[str, list[Cell]] = {}
    for cell in sorted(cells, key=lambda one: one.hang_s if one.action == "hang" else 0.0):
        queues.setdefault(cell.program, []).append(cell)
    together = []
    for apart in (True, False):
        mine = {name: queue for name, queue in queues.items() if (name in APART) == apart}
        longest = max(map(len, mine.values()), default=0)
        padded = [[None] * (longest - len(queue)) + queue for queue in mine.values()]
        together += [[cell for cell in wave if cell is not None] for wave in zip(*padded, strict=True)]
    return together


def _role(cell: Cell) -> str:
    return next(role for role, programs in PROGRAMS_BY_ROLE.items() if cell.program in programs)
