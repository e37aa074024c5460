"""A mail relay that follows a script: it refuses, stalls or cuts the connection at any verb."""

import contextlib
import socket
import ssl
import threading
from io import BufferedReader

from services.notifications.sending.smtp import Session, SmtpTransport, Timeouts

SENDER, RECIPIENT = "coordinators@example.org", "participant@example.org"
CONTENT = b"Subject: x\r\n\r\none\r\n.two\r\n.\r\nthree\r\n"
QUICK = Timeouts(connect_s=2.0, command_s=1.2, data_end_s=2.0)
STALL, CUT = "stall", "cut"
REPLIES = {
    "GREETING": "220 relay",
    "EHLO": "250 relay",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    "DOT": "250 2.0.0 queued as A1",
    "RSET": "250 ok",
    "QUIT": "221 bye",
}


class Relay:
    """A relay on its own port. ``script`` replaces replies by verb: a text, STALL, CUT, or a list of these."""

    def __init__(self, script: dict[str, str | list[str]], tls: ssl.SSLContext | None = None) -> None:
        self._script = {verb: [reply] if isinstance(reply, str) else list(reply) for verb, reply in script.items()}
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self.port: int = self._listener.getsockname()[1]
        self.commands: list[str] = []
        self.mails: list[bytes] = []
        self.connections = 0

    def __enter__(self) -> "Relay":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            raw, _ = self._listener.accept()
            with raw:
                if self._over.is_set():
                    return
                self.connections += 1
                with contextlib.suppress(OSError):
                    connection = self._tls.wrap_socket(raw, server_side=True) if self._tls else raw
                    with connection:
                        self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as reader:
            reply = self._reply(connection, "GREETING")
            while reply is not None and (line := reader.readline()):
                verb = (line.split() or [b""])[0].decode().upper()
                self.commands.append(line.decode().strip())
                reply = self._reply(connection, verb)
                if reply == REPLIES["DATA"]:
                    if self._script.get("CONTENT") == [CUT]:
                        reader.read(100)
                        return
                    self.mails.append(self._content(reader))
                    reply = self._reply(connection, "DOT")
                if verb == "QUIT":
                    return

    def _reply(self, connection: socket.socket, verb: str) -> str | None:
        """The reply that was given; None if the connection is to end without one."""
        replies = self._script.get(verb) or [REPLIES.get(verb, "502 what")]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if reply == STALL:
            self._over.wait(10)
        if reply in (STALL, CUT):
            return None
        connection.sendall(reply.encode() + b"\r\n")
        return reply

    @staticmethod
    def _content(reader: BufferedReader) -> bytes:
        lines: list[bytes] = []
        while (line := reader.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)


def transport(relay: Relay, form: str = "smtp://127.0.0.1:{port}", tls: ssl.SSLContext | None = None) -> SmtpTransport:
    """A transport to the scripted relay with short timeouts."""
    return SmtpTransport(form.format(port=relay.port), QUICK, tls)


def hand_over(session: Session, content: bytes = CONTENT) -> str:
    """One mail, whole."""
    session.begin(SENDER, RECIPIENT)
    return session.deliver(content)
