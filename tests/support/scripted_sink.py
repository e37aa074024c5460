"""A mail sink that a script breaks while it runs, and that keeps every mail it answers 250 for.

    python -m tests.support.scripted_sink --port 2525 --folder mails --script script.json

The script is a JSON list of rules, read again before each answer, so a test changes what happens by replacing the file:

    [{"verb": "RCPT", "recipient": "participant-7@example.org", "reply": "450 4.2.1 not now"},
     {"verb": "DOT", "stall_s": 3, "times": 2}, {"verb": "DOT", "cut": "after"}]

``verb`` is EHLO, MAIL, RCPT, DATA, DOT (the end of the content) or QUIT. ``reply`` refuses, ``stall_s`` waits first,
``cut`` ends the connection before or after the answer. At DOT the mail is on the disk before a stall and after the cut
that follows the answer, and not when the cut comes before it.
``times`` rules that many answers, all without it. The first rule that fits decides.
"""

import argparse
import asyncio
import signal
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from email import message_from_bytes
from pathlib import Path
from typing import Any, NoReturn

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.sink.folder import MailFolder
from tests.support.mail_script import AFTER, BEFORE, Rule, Script

_NO_GOOD_BYE = struct.pack("ii", 1, 0)


def copies(folder: Path) -> Counter[str]:
    """How often each Message-ID has been taken."""
    return Counter(str(message_from_bytes(file.read_bytes())["Message-ID"]) for file in folder.glob("*.eml"))


class ScriptedSmtp(SMTP):
    """aiosmtpd's server with a script in front of each verb's own answer."""

    def __init__(self, script: Script, folder: MailFolder, **words: Any) -> None:
        super().__init__(_StoringHandler(self, folder), **words)
        self._script = script

    async def smtp_EHLO(self, hostname: str) -> None:
        await self._play("EHLO", lambda: super(ScriptedSmtp, self).smtp_EHLO(hostname))

    async def smtp_MAIL(self, arg: str | None) -> None:
        await self._play("MAIL", lambda: super(ScriptedSmtp, self).smtp_MAIL(arg))

    async def smtp_RCPT(self, arg: str | None) -> None:
        address = (arg or "").partition("<")[2].partition(">")[0]
        await self._play("RCPT", lambda: super(ScriptedSmtp, self).smtp_RCPT(arg), address)

    async def smtp_DATA(self, arg: str) -> None:
        await self._play("DATA", lambda: super(ScriptedSmtp, self).smtp_DATA(arg))

    async def smtp_QUIT(self, arg: str | None) -> None:
        await self._play("QUIT", lambda: super(ScriptedSmtp, self).smtp_QUIT(arg))

    async def _play(self, verb: str, usual: Callable[[], Awaitable[None]], *recipients: str) -> None:
        """The verb's own answer, or what the script puts in its place."""
        rule = self.rule(verb, *recipients)
        if rule is None:
            await usual()
            return
        await asyncio.sleep(rule.stall_s)
        if rule.cut == BEFORE:
            self.cut()
        if rule.reply:
            await self.push(rule.reply)
        elif rule.cut == AFTER and verb == "DATA":
            await self.push("354 go on")  # the default would read the content
        else:
            await usual()
        if rule.cut == AFTER:
            self.hang_up()

    def rule(self, verb: str, *recipients: str) -> Rule | None:
        """The rule for this answer; None for the usual one."""
        recipients_known = [*recipients, *(self.envelope.rcpt_tos if self.envelope else [])]
        return self._script.rule_for(verb, recipients_known)

    def cut(self) -> NoReturn:
        """RST, without an answer"""
        line = self.transport
        if isinstance(line, asyncio.Transport):
            line.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_GOOD_BYE)
            line.abort()
        raise ConnectionResetError("cut by the script")

    def hang_up(self) -> NoReturn:
        """FIN, after the answer"""
        if self.transport:
            self.transport.close()
        raise ConnectionResetError("hung up by the script")


class _StoringHandler:
    """What happens at the final dot: on the disk first, then the answer."""

    def __init__(self, server: ScriptedSmtp, folder: MailFolder) -> None:
        self._server = server
        self._folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Called with a whole mail; the answer to its dot."""
        rule = self._server.rule("DOT") or Rule("DOT")
        if rule.cut == BEFORE:
            self._server.cut()
        if rule.reply:
            await asyncio.sleep(rule.stall_s)
            return rule.reply
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        mail_id = await asyncio.to_thread(self._folder.keep, content)
        await asyncio.sleep(rule.stall_s)
        answer = f"250 2.0.0 Kept as {mail_id}"
        if rule.cut == AFTER:
            await server.push(answer)
            self._server.hang_up()
        return answer


async def serve(port: int, folder: Path, script: Path) -> None:
    """Serve until SIGTERM; prints a line when it takes connections."""
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    rules, mails = Script(script), MailFolder(folder)
    server = await loop.create_server(lambda: ScriptedSmtp(rules, mails, hostname="sink"), "127.0.0.1", port)
    print("ready", flush=True)
    await over.wait()
    server.close()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="A mail sink that breaks by a script.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--script", type=Path, required=True)
    given = parser.parse_args()
    asyncio.run(serve(given.port, given.folder, given.script))


if __name__ == "__main__":
    main()
