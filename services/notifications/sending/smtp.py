"""SMTP: ``SMTP_URL``, sessions with the relay, and the outcome of a handover, which is never guessed.

    session = transport.connect()            NotReached
    session.begin(sender, recipient)         MAIL, RCPT: RefusedByRelay, NotReached
      … the caller commits the handover …
    reply = session.deliver(content)         DATA … final dot: RefusedByRelay, NotReached, HandoverUnknown
    session.close()                          QUIT: never raises, the relay has the mail already

    TransportError
    ├── RefusedByRelay     the relay refused this mail: 4xx retry, 5xx never
    ├── NotReached         nothing was handed over: retry with the same Message-ID
    └── HandoverUnknown    the content went out and no answer came: the relay has it or not (RFC 1047)

A message has one recipient, so there is no partial acceptance. Errors never repeat the URL, which can contain a
password.
"""

import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from services.notifications.composing.mime import mailbox
from services.notifications.telemetry import smtp_phase_seconds
from shared.runtime.failpoints import reach
from shared.runtime.settings import is_loopback

Security = Literal["none", "starttls", "tls"]


@dataclass(frozen=True, slots=True)
class SmtpRelay:
    """A mail relay. ``security``: ``starttls`` or ``tls``, both verified, or ``none`` on a trusted network."""

    host: str
    port: int
    security: Security
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_relay(url: str) -> SmtpRelay:
    """Return the relay of ``smtp://[user:password@]host[:port][?starttls=required]`` or ``smtps://…``.

    The port is 465 with smtps, 587 with a user or STARTTLS, else 25.

    Raises:
        ValueError: another form, or a password that would be sent unencrypted to another machine.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/") or parts.fragment:
        raise ValueError("an address of the form smtp://host:port or smtps://host:port is required")
    security = _security(parts.scheme, parts.query)
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    if (user is None) != (password is None):
        raise ValueError("a user needs a password and a password a user")
    if user and security == "none" and not is_loopback(parts.hostname):
        raise ValueError("a password needs smtps:// or ?starttls=required")
    usual = {"tls": 465, "starttls": 587, "none": 587 if user else 25}[security]
    return SmtpRelay(parts.hostname, parts.port or usual, security, user, password)


def plain_relay(url: str) -> str:
    """Return why a relay is insecure: mails leave the machine unencrypted. Empty if it is secure."""
    relay = parse_relay(url)
    if relay.security != "none" or is_loopback(relay.host):
        return ""
    return "smtp:// to another machine is not encrypted: use smtps:// or ?starttls=required"


def _security(scheme: str, query: str) -> Security:
    options = parse_qs(query, keep_blank_values=True, strict_parsing=bool(query))
    if options not in ({}, {"starttls": ["required"]}) or (scheme == "smtps" and options):
        raise ValueError("the only option is ?starttls=required, on smtp:// alone")
    if scheme == "smtps":
        return "tls"
    return "starttls" if options else "none"


class TransportError(Exception):
    """Base of handovers without success. Messages never contain an address, a reply or a password."""


class RefusedByRelay(TransportError):
    """The relay refused this mail.

    ``permanent`` is true for 5xx. ``verb`` is MAIL, RCPT, DATA or DOT. ``reply`` is the relay's text: it may name the
    recipient, so it must never be logged.
    """

    def __init__(self, verb: str, code: int, reply: str) -> None:
        super().__init__(f"the relay answered {code} to {verb}")
        self.verb = verb
        self.code = code
        self.permanent = 500 <= code <= 599
        self.reply = reply


class NotReached(TransportError):
    """No relay, no session, or the connection ended before the final dot: certainly not handed over."""


class HandoverUnknown(TransportError):
    """The final dot was sent and no valid answer came back."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts in seconds. RFC 5321 (4.5.3.2) allows an MTA 5 to 10 minutes; our own relay answers at once.

    Together they are shorter than the lease of a mail (10 minutes), even if each step reaches its timeout.
    """

    connect_s: float = 5.0
    command_s: float = 30.0
    data_end_s: float = 120.0

    @property
    def handover_s(self) -> float:
        """The longest handover in a session that is open: MAIL, RCPT, DATA, and the answer to the content."""
        return 3 * self.command_s + self.data_end_s


_FINAL_DOT = b".\r\n"

Reply = tuple[int, bytes]
"""Code and text."""


class Session:
    """One connection to the relay, not thread-safe. As a context manager it closes itself."""

    def __init__(self, client: smtplib.SMTP, timeouts: Timeouts) -> None:
        self._client = client
        self._timeouts = timeouts
        self._fresh = True
        self.usable = True

    def begin(self, sender: str, recipient: str) -> None:
        """Announce one mail (RSET after another mail, MAIL, RCPT). It can be abandoned: the next ``begin`` resets.

        Args:
            sender: the address for bounces.
            recipient: the only recipient.

        Raises:
            UnusableAddress: an address is not one mailbox.
            RefusedByRelay: by the answer to MAIL or RCPT.
            NotReached: the connection is lost.
        """
        sender, recipient = mailbox(sender), mailbox(recipient)
        if not self._fresh:
            self._ask("RSET", self._rset)
        self._fresh = False
        self._ask("MAIL", lambda: self._mail(sender))
        self._ask("RCPT", lambda: self._rcpt(recipient))

    def deliver(self, content: bytes) -> str:
        """Hand over the announced mail. The caller has committed the handover.

        Args:
            content: the message; bare line ends become CRLF and leading dots are doubled (RFC 5321, 4.5.2).

        Returns:
            the relay's reply to the final dot, usually with its queue identifier.

        Raises:
            RefusedByRelay: by the answer to DATA or to the final dot.
            NotReached: the connection ended before the final dot was sent.
            HandoverUnknown: it ended, stalled or gave an invalid answer after that.
        """
        self._ask("DATA", self._data, wanted=3)
        with smtp_phase_seconds.labels(phase="content").time():
            self._send(_on_the_wire(content))
        with smtp_phase_seconds.labels(phase="dot").time():
            code, reply = self._end_of_data()
        if code // 100 in (4, 5):
            raise self._refusal("DOT", code, reply)
        if code // 100 != 2:
            self._abandon()
            raise HandoverUnknown("the relay gave no valid answer to the final dot")
        return reply.decode("utf-8", "replace")

    def close(self) -> None:
        """QUIT and close. The relay has the mails even if it does not answer, so nothing is raised."""
        if self.usable:
            with contextlib.suppress(OSError), smtp_phase_seconds.labels(phase="quit").time():
                reach("smtp.quit")
                self._client.quit()
        self._abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _rset(self) -> Reply:
        reach("smtp.rset")
        return self._client.rset()

    def _mail(self, sender: str) -> Reply:
        reach("smtp.mail")
        return self._client.mail(sender)

    def _rcpt(self, recipient: str) -> Reply:
        reach("smtp.rcpt")
        return self._client.rcpt(recipient)

    def _data(self) -> Reply:
        reach("smtp.data")
        return self._client.docmd("DATA")

    def _ask(self, verb: str, command: Callable[[], Reply], wanted: int = 2) -> None:
        """Send one command before the dot; returns if the first digit of the answer is ``wanted``."""
        if not self.usable:
            raise NotReached("the session has ended")
        try:
            with smtp_phase_seconds.labels(phase=verb.lower()).time():
                code, reply = command()
        except OSError as error:
            self._abandon()
            raise NotReached(f"the connection ended at {verb}: {type(error).__name__}") from error
        if code // 100 in (4, 5) and verb != "RSET":
            raise self._refusal(verb, code, reply)
        if code // 100 != wanted:
            self._abandon()
            raise NotReached(f"the relay gave no valid answer to {verb}")

    def _send(self, content: bytes) -> None:
        try:
            self._socket().sendall(content)
            reach("smtp.content")
        except OSError as error:
            self._abandon()
            raise NotReached(f"the connection ended within the content: {type(error).__name__}") from error

    def _end_of_data(self) -> Reply:
        """Send the final dot. From here on the relay may have the mail, even after an error."""
        try:
            self._socket().settimeout(self._timeouts.data_end_s)
            self._socket().sendall(_FINAL_DOT)
            reach("smtp.dot")
            answer = self._client.getreply()
            self._socket().settimeout(self._timeouts.command_s)
        except OSError as error:
            self._abandon()
            raise HandoverUnknown(f"no answer to the final dot: {type(error).__name__}") from error
        return answer

    def _refusal(self, verb: str, code: int, reply: bytes) -> RefusedByRelay:
        if code == 421:  # the relay closes the connection (RFC 5321, 3.8)
            self._abandon()
        return RefusedByRelay(verb, code, reply.decode("utf-8", "replace"))

    def _socket(self) -> socket.socket:
        if self._client.sock is None:
            raise OSError("the connection is closed")
        return self._client.sock

    def _abandon(self) -> None:
        self.usable = False
        self._client.close()


def _on_the_wire(content: bytes) -> bytes:
    """Only CRLF line ends, dots doubled, CRLF at the end: no line of the content can end the mail."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    stuffed = re.sub(rb"(?m)^\.", b"..", lines)
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"


class SmtpTransport:
    """Opens sessions with one relay. It has no connection itself, so it can be shared."""

    def __init__(
        self,
        smtp_url: str,
        timeouts: Timeouts | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """
        Args:
            smtp_url: the address of the relay, see :func:`services.notifications.sending.smtp.parse_relay`.
            timeouts: how long to wait for what; by default those of :class:`Timeouts`.
            tls: the TLS context for a private certificate authority; None for the system's authorities, with
                certificate and name verified.

        Raises:
            ValueError: ``smtp_url`` has another form.
        """
        self._relay = parse_relay(smtp_url)
        self._timeouts = timeouts or Timeouts()
        self._tls = tls or ssl.create_default_context()

    def connect(self) -> Session:
        """Return a session, encrypted and signed in, for any number of mails one after the other.

        Raises:
            NotReached: the relay is down, unverified, or refuses the login. Not the fault of any mail: a wrong
                password must not fail mails that wait.
        """
        client = smtplib.SMTP(local_hostname=_own_name(), timeout=self._timeouts.command_s)
        try:
            with smtp_phase_seconds.labels(phase="connect").time():
                _greet(client, self._relay, self._timeouts, self._tls)
        except (OSError, ValueError) as error:  # smtplib's errors and TLS errors are OSErrors
            client.close()
            raise NotReached(f"no session with the relay: {type(error).__name__}") from error
        return Session(client, self._timeouts)


def _greet(client: smtplib.SMTP, relay: SmtpRelay, timeouts: Timeouts, tls: ssl.SSLContext) -> None:
    """Connect, greet, encrypt, sign in. With our own socket: a relay may accept at once and greet late."""
    reach("smtp.connect")
    client.sock = socket.create_connection((relay.host, relay.port), timeouts.connect_s)
    client.sock.settimeout(timeouts.command_s)
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # content and final dot are two writes
    if relay.security == "tls":
        client.sock = tls.wrap_socket(client.sock, server_hostname=relay.host)
    _require(client.getreply(), 220)
    reach("smtp.ehlo")
    client.ehlo_or_helo_if_needed()
    if relay.security == "starttls":
        _require(client.docmd("STARTTLS"), 220)
        client.sock = tls.wrap_socket(client.sock, server_hostname=relay.host)
        client.file = None  # drop replies and capabilities from before encryption (RFC 3207, section 4.2)
        client.ehlo_resp = client.helo_resp = None
        client.esmtp_features = {}
        client.does_esmtp = False
        client.ehlo_or_helo_if_needed()
    if relay.user is not None and relay.password is not None:
        client.login(relay.user, relay.password)


def _require(answer: tuple[int, bytes], code: int) -> None:
    if answer[0] != code:
        raise smtplib.SMTPResponseException(*answer)


def _own_name() -> str:
    """Return a name for EHLO without a DNS query, which has no timeout."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
