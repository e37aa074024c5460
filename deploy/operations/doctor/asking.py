"""The real probes: PostgreSQL, the broker, HTTP, TLS, DNS, SMTP, and commands of the machine."""

import ctypes
import os
import smtplib
import socket
import ssl
import subprocess
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import dns.exception
import dns.resolver
import requests
from cryptography import x509

from deploy.operations.authorities import trusted_authorities
from deploy.operations.doctor.database_sessions import DatabaseSessions
from deploy.operations.doctor.probes import REFUSED_CERTIFICATE, Certificate, DiskSpace, HttpAnswer, Probes, TlsEndpoint
from services.notifications.sending.smtp import NotReached, SmtpTransport
from shared.messaging.broker import VHOST
from shared.messaging.queue_members import BrokerNode, Management, ManagementError, QueueMembers
from shared.messaging.topology import may_declare, missing_queues, node_properties
from shared.runtime.clock import system_clock
from shared.runtime.deployment import running_version
from shared.runtime.errors import Unavailable

WITHIN_S = 5.0
TIMEX_BYTES, TIME_ERROR = 256, 5
"""More than ``struct timex`` needs on any Linux; with zeroes the call reads and sets nothing."""

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
"""PostgreSQL, "Message Formats": SSLRequest."""


def real_probes(stack: ExitStack) -> Probes:
    """Probes of servers and of this machine; ``stack`` closes what they open."""
    databases = DatabaseSessions(stack)
    return Probes(
        query=databases.query,
        limits=databases.limits,
        broker=node_properties,
        may_declare=may_declare,
        missing=missing_queues,
        cluster=cluster,
        certificate=shown_certificate,
        fetch=fetch,
        resolve=resolve,
        relay=connect_relay,
        run=run,
        space=disk_space,
        synchronised=clock_synchronised,
        now=system_clock,
    )


def cluster(urls: tuple[str, ...]) -> tuple[list[BrokerNode], list[QueueMembers]]:
    """Nodes of the broker and members of our queues, by its management API.

    Raises:
        Unavailable: the API of no node answers, or it refuses.
    """
    management = Management(urls, timeout_s=2 * WITHIN_S)
    try:
        return management.nodes(), management.quorum_queues(VHOST)
    except ManagementError as error:
        raise Unavailable(str(error)) from error


def shown_certificate(endpoint: TlsEndpoint) -> Certificate:
    """The certificate that a server presents, and whether it is trusted for its name.

    Raises:
        Unavailable: the server presents none.
    """
    try:
        return Certificate(_ends_at(endpoint, ssl.create_default_context()))
    except ssl.SSLCertVerificationError as error:
        fault = error.verify_message
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE  # only its end is read here
    return Certificate(_ends_at(endpoint, unverified), fault)


def fetch(url: str) -> HttpAnswer:
    """GET ``url``.

    Raises:
        Unavailable: no answer within some seconds.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = requests.get(
                url,
                timeout=WITHIN_S,
                allow_redirects=False,
                verify=trusted_authorities(),
                headers={"User-Agent": f"troika-doctor/{running_version()}"},
            )
    except requests.exceptions.SSLError as error:
        raise Unavailable(refused_certificate(error) or "TLS failed") from error
    except requests.RequestException as error:
        raise Unavailable(type(error).__name__) from error
    return HttpAnswer(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.text)


def refused_certificate(error: BaseException) -> str:
    """Why a certificate was refused, if that is the cause of ``error``; else empty."""
    causes: list[object] = [error]
    for cause in causes:  # libraries wrap it, as a cause, a context, an argument or a reason
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{REFUSED_CERTIFICATE}: {cause.verify_message}"
        if isinstance(cause, BaseException):
            wrapped = (cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args)
            causes += [error for error in wrapped if isinstance(error, BaseException) and error not in causes]
    return ""


def resolve(name: str, kind: str) -> list[str]:
    """Records of ``name`` as texts.

    Raises:
        Unavailable: no resolver answers.
    """
    try:
        resolver = dns.resolver.Resolver()
        resolver.lifetime = WITHIN_S
        answer = resolver.resolve(name, kind)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise Unavailable(f"no resolver answers ({type(error).__name__})") from error
    if kind == "TXT":
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
    return [record.to_text() for record in answer]


def connect_relay(url: str) -> None:
    """Open a session with the relay, encrypted as the URL requires and signed in, and end it at once.

    Raises:
        Unavailable: the relay is down, not verified, or refuses the login.
    """
    try:
        SmtpTransport(url).connect().close()
    except NotReached as error:
        raise Unavailable(refused_certificate(error) or str(error)) from error


def run(words: Sequence[str]) -> str:
    """What a command prints; ``cat`` of a file is read directly.

    Raises:
        Unavailable: it is not installed, fails, or takes too long.
    """
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=2 * WITHIN_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"{words[0]}: {type(error).__name__}") from error
    return done.stdout


def disk_space(path: str) -> DiskSpace:
    """Free share of the file system of ``path``, for users other than root.

    Raises:
        Unavailable: there is no such folder.
    """
    try:
        found = os.statvfs(path)
    except OSError as error:
        raise Unavailable(f"{path}: {type(error).__name__}") from error
    inodes = found.f_favail / found.f_files if found.f_files else 1.0
    return DiskSpace(
        found.f_bavail / found.f_blocks if found.f_blocks else 1.0, inodes, found.f_bavail * found.f_frsize
    )


def clock_synchronised() -> bool:
    """Whether the kernel's clock is synchronised (adjtimex(2), ``TIME_ERROR``); reading it needs no right.

    Raises:
        Unavailable: the kernel does not report it.
    """
    library = ctypes.CDLL(None, use_errno=True)
    state = library.adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    if state < 0:
        raise Unavailable(f"adjtimex: {os.strerror(ctypes.get_errno())}")
    return bool(state != TIME_ERROR)


def _ends_at(endpoint: TlsEndpoint, context: ssl.SSLContext) -> Any:
    try:
        with socket.create_connection((endpoint.host, endpoint.port), timeout=WITHIN_S) as plain:
            _begin_tls(plain, endpoint.protocol)
            with context.wrap_socket(plain, server_hostname=endpoint.host) as encrypted:
                shown = encrypted.getpeercert(binary_form=True)
    except ssl.SSLCertVerificationError:
        raise
    except OSError as error:
        raise Unavailable(type(error).__name__) from error
    if not shown:
        raise Unavailable("no certificate")
    return x509.load_der_x509_certificate(shown).not_valid_after_utc


def _begin_tls(plain: socket.socket, protocol: str) -> None:
    """What precedes TLS in a protocol.

    Raises:
        Unavailable: the server does not offer TLS.
    """
    if protocol == "postgresql":
        plain.sendall(SSL_REQUEST)
        if plain.recv(1) != b"S":
            raise Unavailable("the server offers no TLS")
    elif protocol == "smtp":
        client = smtplib.SMTP(timeout=WITHIN_S)
        client.sock = plain
        client.getreply()
        client.ehlo("[127.0.0.1]")
        if client.docmd("STARTTLS")[0] != 220:
            raise Unavailable("the server offers no STARTTLS")
        client.sock = None
