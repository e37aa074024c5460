"""The six faults of the matrix, on each link. ``cut`` loses an answer after the server has done the work."""

from tests.chaos.matrix.proxied_stack import CLIENT, SMTP, WEB_DATABASE
from tests.support.fault_proxy import Faults, Way

SLOW_S = 0.3
RESET_AFTER_BYTES = 10

_COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"
_INSERTED = b"INSERT 0 "
"""Submissions and commands are stored by one statement, which is its own transaction."""

STORED = frozenset({"register", "repeat", "duplicate", "cancel", "confirm"})
"""Actions that store something so."""

_CONFIRMED = b"\x00\x3c\x00\x50"
_DELIVERED = b"\x00\x3c\x00\x3c"
_CLAIMED = b"UPDATE "
_BY_LINK = {CLIENT: b"HTTP/1.1 ", SMTP: b"250 2.0.0 Kept"}
_BY_BUS = {
    ("relay-bus", "rabbitmq"): _CONFIRMED,
    ("relay-bus", "embedded"): _COMMITTED,
    ("consumer-bus", "rabbitmq"): _DELIVERED,
    ("consumer-bus", "embedded"): _CLAIMED,
}

FAULTS = {
    "refuse": Faults(refuse=True),
    "slow": Faults(down=Way(delay_s=SLOW_S)),
    "hole-down": Faults(down=Way(hole=True)),
    "hole-up": Faults(up=Way(hole=True)),
    "reset": Faults(up=Way(cut_after_bytes=RESET_AFTER_BYTES)),
}
NAMES = (*FAULTS, "cut")


def fault_on(action: str, link: str, fault: str, bus: str) -> Faults:
    """The setting of the proxy of ``link``; on a database ``cut`` loses the answer to COMMIT, or to the one INSERT."""
    if fault != "cut":
        return FAULTS[fault]
    if link == WEB_DATABASE and action in STORED:
        return Faults(down=Way(cut_at=_INSERTED))
    return Faults(down=Way(cut_at=_BY_BUS.get((link, bus)) or _BY_LINK.get(link, _COMMITTED)))
