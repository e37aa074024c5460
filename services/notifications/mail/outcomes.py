"""What can become of a handover, and how long each step of it may take.

TransportError
├── Refused            the relay said no to this mail: 4xx try later, 5xx never
├── NotReached         nothing was handed over: try later, with the same Message-ID
└── HandoverUnknown    the content went out and no answer came: the relay may have it or not (RFC 1047)
"""

from dataclasses import dataclass


class TransportError(Exception):
    """Base of the outcomes that are not a handover. Messages never hold an address, a reply or a password."""


class Refused(TransportError):
    """The relay refused this mail.

    ``permanent`` is true for 5xx. ``verb`` is MAIL, RCPT, DATA or DOT. ``reply`` is the relay's text: it may name the
    recipient, so it belongs beside the mail and never in a log.
    """

    def __init__(self, verb: str, code: int, reply: str) -> None:
        super().__init__(f"the relay answered {code} to {verb}")
        self.verb = verb
        self.code = code
        self.permanent = 500 <= code <= 599
        self.reply = reply


class NotReached(TransportError):
    """No relay, no agreement with it, or the connection ended before the final dot: certainly not handed over."""


class HandoverUnknown(TransportError):
    """The final dot was on its way and no valid answer came back."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. RFC 5321 (4.5.3.2) allows an MTA 5 to 10 minutes; a relay of one's own answers at once.

    Together they stay under the lease of a mail (10 minutes), whatever the relay does at each step.
    """

    connect_s: float = 5.0
    command_s: float = 30.0
    data_end_s: float = 120.0
