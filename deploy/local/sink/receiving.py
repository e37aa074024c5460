"""The SMTP side: answers 250 only for what is on the disk."""

import asyncio
import logging

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.sink.folder import MailFolder

LARGEST_MAIL_BYTES = 10 * 1024 * 1024

_log = logging.getLogger(__name__)


class StoringHandler:
    """aiosmtpd's handler. Puts the envelope before the mail as a delivering server does (RFC 5321, section 4.4)."""

    def __init__(self, folder: MailFolder, refused: frozenset[str]) -> None:
        self._folder = folder
        self._refused = refused

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Called with each recipient; returns the answer to it, and adds to the envelope those that are accepted."""
        if address in self._refused:
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Called with a whole mail; returns the answer to its final dot. The write must not stop other sessions."""
        trace = [f"Return-Path: <{envelope.mail_from or ''}>"]
        trace += [f"Delivered-To: {recipient}" for recipient in envelope.rcpt_tos]
        header = "".join(f"{line}\r\n" for line in trace).encode("utf-8", "surrogateescape")
        content = envelope.content if isinstance(envelope.content, bytes) else b""  # bytes unless decode_data is set
        try:
            mail_id = await asyncio.to_thread(self._folder.keep, header + content)
        except OSError:
            _log.exception("a mail could not be stored")
            return "451 4.3.0 The mail could not be stored, try again later"
        return f"250 2.0.0 Kept as {mail_id}"


def smtp_server(folder: MailFolder, host: str, port: int, refused: frozenset[str] = frozenset()) -> Controller:
    """An SMTP server, not yet started: ``start()`` returns when it answers in a separate thread.

    Args:
        folder: where mails are kept.
        host: the address to listen on.
        port: the same.
        refused: addresses that it takes no mail for.
    """
    return Controller(
        StoringHandler(folder, refused),
        hostname=host,
        port=port,
        ident="Mail sink",
        server_hostname="sink.localhost",
        data_size_limit=LARGEST_MAIL_BYTES,
    )
