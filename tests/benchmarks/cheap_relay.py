"""``python -m tests.benchmarks.cheap_relay PORT LOG``: accepts every mail, keeps only its Message-ID."""

import asyncio
import sys
from pathlib import Path
from typing import TextIO

ANSWERS = {b"EHLO": b"250 relay\r\n", b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}
OK = b"250 2.0.0 ok\r\n"
END = b"\r\n.\r\n"


class Relay(asyncio.Protocol):
    """One connection."""

    def __init__(self, log: TextIO) -> None:
        self._log, self._buffer, self._in_content = log, b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 relay\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._take():
            pass

    def _take(self) -> bool:
        """One command or one content, if it has come whole."""
        content, mark, rest = self._buffer.partition(END if self._in_content else b"\r\n")
        if not mark:
            return False
        self._buffer = rest
        if self._in_content:
            self._note(content)
            self._in_content = False
            self._transport.write(OK)
            return True
        verb = content[:4].upper()
        self._in_content = verb == b"DATA"
        self._transport.write(ANSWERS.get(verb, OK))
        if verb == b"QUIT":
            self._transport.close()
        return True

    def _note(self, content: bytes) -> None:
        head = content.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ")
        line = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"message-id:"))
        self._log.write(line.partition(b":")[2].strip().decode() + "\n")


async def main(port: int, log: Path) -> None:
    """Serve until the end of the process."""
    with log.open("a", buffering=1) as lines:
        server = await asyncio.get_running_loop().create_server(lambda: Relay(lines), "127.0.0.1", port)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
