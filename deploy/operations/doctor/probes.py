"""Interfaces to query servers and the machine. Tests use fakes; the real probes are in :mod:`.asking`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.messaging.queue_members import BrokerNode, QueueMembers

REFUSED_CERTIFICATE = "its certificate is refused"
"""Begins the reason of a probe that got an answer, from a server whose certificate is not trusted."""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, headers by lower-case name, and body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: str = ""


@dataclass(frozen=True, slots=True)
class TlsEndpoint:
    """Where a server presents a certificate.

    Attributes:
        host: name that the certificate must have.
        port: the TCP port.
        protocol: what precedes TLS: empty, ``postgresql`` or ``smtp``.
    """

    host: str
    port: int
    protocol: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that a server presents: when it expires, and why it is not trusted (empty: it is)."""

    ends_at: datetime
    fault: str = ""


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """Share of a file system that is free, 0 to 1: of its bytes, and of its inodes; and the free bytes."""

    free: float
    free_inodes: float
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Probes:
    """Each raises :class:`shared.runtime.errors.Unavailable` with a reason if it gets no answer.

    Attributes:
        query: rows of a statement at a database, by its URL.
        limits: what is wrong with the limits of a session at a database.
        broker: properties of the broker behind a URL, after signing in.
        may_declare: whether a login may make queues.
        missing: exchanges and queues that are not there, by the URLs of a login.
        cluster: nodes of the broker and members of its queues, by the URLs of its management API.
        certificate: the certificate that a server presents.
        fetch: the answer to GET of a URL; redirections are not followed.
        resolve: records of a name and a type, as texts; none if there are none.
        relay: connects to the mail relay of a URL, encrypts and signs in.
        run: what a command prints; Unavailable where it is not installed or fails.
        space: the space of the file system that holds a path.
        synchronised: whether the kernel's clock follows a time server.
        now: the time of this host.
    """

    query: Callable[[str, str], list[Row]]
    limits: Callable[[str], list[str]]
    broker: Callable[[str], Mapping[str, str]]
    may_declare: Callable[[str], bool]
    missing: Callable[[tuple[str, ...]], list[str]]
    cluster: Callable[[tuple[str, ...]], tuple[list[BrokerNode], list[QueueMembers]]]
    certificate: Callable[[TlsEndpoint], Certificate]
    fetch: Callable[[str], HttpAnswer]
    resolve: Callable[[str, str], list[str]]
    relay: Callable[[str], None]
    run: Callable[[Sequence[str]], str]
    space: Callable[[str], DiskSpace]
    synchronised: Callable[[], bool]
    now: Callable[[], datetime]
