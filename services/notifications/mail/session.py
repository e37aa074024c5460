"""One conversation with the relay: announce a mail, hand it over, know what became of it. Must never guess.

After any error the session takes no more mails, except after ``Refused`` while ``usable``.
"""

import contextlib
import re
import smtplib
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Self

from services.notifications.mail.mailbox import mailbox
from services.notifications.mail.outcomes import HandoverUnknown, NotReached, Refused, Timeouts
from shared.core.failpoints import reach
from shared.core.metrics import smtp_phase_seconds

_FINAL_DOT = b".\r\n"

Reply = tuple[int, bytes]
"""Code and text."""


class Session:
    """One connection to the relay. Not for several threads. A context manager: leaving it closes it."""

    def __init__(self, client: smtplib.SMTP, timeouts: Timeouts) -> None:
        self._client = client
        self._timeouts = timeouts
        self._fresh = True
        self.usable = True

    def begin(self, sender: str, recipient: str) -> None:
        """Announce one mail (RSET if another came before, MAIL, RCPT). May be given up: the next ``begin`` resets.

        Args:
            sender: the address bounces go to.
            recipient: the only recipient.

        Raises:
            UnusableAddress: an address is not one mailbox.
            Refused: by the answer to MAIL or RCPT.
            NotReached: the connection is gone.
        """
        sender, recipient = mailbox(sender), mailbox(recipient)
        if not self._fresh:
            self._ask("RSET", self._rset)
        self._fresh = False
        self._ask("MAIL", lambda: self._mail(sender))
        self._ask("RCPT", lambda: self._rcpt(recipient))

    def deliver(self, content: bytes) -> str:
        """Hand over the mail that was begun. The caller has committed that it will.

        Args:
            content: the message; bare line ends become CRLF and leading dots are doubled (RFC 5321, 4.5.2).

        Returns:
            the relay's reply to the final dot, usually with its queue identifier.

        Raises:
            Refused: by the answer to DATA or to the final dot.
            NotReached: the connection ended before the final dot was sent.
            HandoverUnknown: it ended, stalled or made no sense after that.
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
        """QUIT and close. A relay that does not answer has its mails all the same, so nothing is raised."""
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
        """One command before the dot: returns if the answer's first digit is ``wanted``."""
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
        """From here on the relay may have the mail, whatever goes wrong."""
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

    def _refusal(self, verb: str, code: int, reply: bytes) -> Refused:
        if code == 421:  # the relay closes the connection (RFC 5321, 3.8)
            self._abandon()
        return Refused(verb, code, reply.decode("utf-8", "replace"))

    def _socket(self) -> socket.socket:
        if self._client.sock is None:
            raise OSError("the connection is closed")
        return self._client.sock

    def _abandon(self) -> None:
        self.usable = False
        self._client.close()


def _on_the_wire(content: bytes) -> bytes:
    """CRLF line ends only, dots doubled, CRLF at the end: no line of the content can end the mail."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    stuffed = re.sub(rb"(?m)^\.", b"..", lines)
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"
