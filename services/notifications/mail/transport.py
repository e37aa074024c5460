"""The handover of one mail to the relay, with an honest outcome. Must never guess: what is not known is called unknown.

    session = transport.connect()            NotReached
    session.begin(sender, recipient)         MAIL, RCPT: Refused, NotReached
      … the caller commits "handing over" …
    reply = session.deliver(content)         DATA … final dot: Refused, NotReached, HandoverUnknown
    session.close()                          QUIT: never raises, the mail is already with the relay

One recipient per message, so a partial acceptance cannot arise.
"""

import smtplib
import socket
import ssl

from services.notifications.mail.outcomes import HandoverUnknown, NotReached, Refused, Timeouts, TransportError
from services.notifications.mail.relay import Relay, parse_relay
from services.notifications.mail.session import Session
from shared.core.failpoints import reach
from shared.core.metrics import smtp_phase_seconds

__all__ = ["HandoverUnknown", "NotReached", "Refused", "Session", "SmtpTransport", "Timeouts", "TransportError"]


class SmtpTransport:
    """Makes sessions with one relay. Holds no connection itself, so it may be shared."""

    def __init__(
        self,
        smtp_url: str,
        timeouts: Timeouts | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """
        Args:
            smtp_url: see :func:`services.notifications.mail.relay.parse_relay`.
            timeouts: how long to wait for what; by default those of :class:`Timeouts`.
            tls: for a private authority; by default the system's, with certificate and name verified.

        Raises:
            ValueError: ``smtp_url`` has another form.
        """
        self._relay = parse_relay(smtp_url)
        self._timeouts = timeouts or Timeouts()
        self._tls = tls or ssl.create_default_context()

    def connect(self) -> Session:
        """A greeted, encrypted, signed-in session, for any number of mails one after the other.

        Raises:
            NotReached: the relay is down, unverified, or does not let us in. Not the fault of any mail: a wrong
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


def _greet(client: smtplib.SMTP, relay: Relay, timeouts: Timeouts, tls: ssl.SSLContext) -> None:
    """Connect, greet, encrypt, sign in. Our own socket, since a relay may greet late though it connects at once."""
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
        client.file = None  # drop what was said before encryption, and what it promised (RFC 3207, section 4.2)
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
    """A name for EHLO without asking DNS, which has no time limit."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
