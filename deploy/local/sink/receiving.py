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

    def __init__(self, folder: MailFolder) -> None:
        self._folder = folder

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


def smtp_server(folder: MailFolder, host: str, port: int) -> Controller:
    """An SMTP server, not yet started: ``start()`` returns when it answers in a separate thread."""
    return Controller(
        StoringHandler(folder),
        hostname=host,
        port=port,
        ident="Mail sink",
        server_hostname="sink.localhost",
        data_size_limit=LARGEST_MAIL_BYTES,
    )
