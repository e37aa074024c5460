"""A TCP proxy that breaks the connection between two programs in every way, one direction at a time.

It runs in a separate thread; what it does to all its connections can be changed at any time. What a black hole has
swallowed is gone: a connection that has lost bytes cannot continue, so healing resets it, as its ends would in the end.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Self

from tests.support.ports import free_port

CHUNK_BYTES = 64 * 1024
SHORT_DELAY_S = 0.01
_NO_GOOD_BYE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST."""


class Ending(Enum):
    """How a connection is cut: RST to both ends, FIN to both, or FIN in this direction only."""

    RESET = "reset"
    CLOSE = "close"
    HALF_CLOSE = "half-close"


@dataclass(frozen=True, slots=True)
class Way:
    """What happens to bytes that go one way.

    Attributes:
        delay_s: each piece is held back so long, seconds.
        bytes_per_s: no faster than this; 0 is no limit.
        hole: bytes are swallowed without an error.
        cut_after_bytes: of each connection, counted from when the fault began; None is never.
        cut_at: the piece that holds these bytes does not pass any more, and the connection is cut; empty is never.
        ending: how it is cut.
    """

    delay_s: float = 0.0
    bytes_per_s: float = 0.0
    hole: bool = False
    cut_after_bytes: int | None = None
    cut_at: bytes = b""
    ending: Ending = Ending.RESET


@dataclass(frozen=True, slots=True)
class Faults:
    """Both directions. ``up`` is from who connects to the server. ``refuse`` also ends what is connected already."""

    up: Way = Way()
    down: Way = Way()
    refuse: bool = False


class _Pipe:
    """One direction of one connection."""

    def __init__(self, line: "_Line", reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        self.passed = 0
        self._line, self._reader, self._writer, self._up = line, reader, writer, up

    async def pump(self) -> None:
        """Carry bytes until an end of the line closes its side."""
        while piece := await self._reader.read(CHUNK_BYTES):
            if await self._pass(piece):
                return
        if self._way.hole:
            self._line.has_lost = True  # an end is lost like any byte
        else:
            self._writer.write_eof()

    @property
    def _way(self) -> Way:
        faults = self._line.proxy.faults
        return faults.up if self._up else faults.down

    async def _pass(self, piece: bytes) -> bool:
        """Carry one piece or a part of it; returns whether it was the last one in this direction."""
        self._line.count_round_trip(up=self._up)
        if self._way.delay_s or self._way.bytes_per_s:
            self._line.proxy.effects += 1
            pace_s = len(piece) / self._way.bytes_per_s if self._way.bytes_per_s else 0.0
            await asyncio.sleep(self._way.delay_s + pace_s)
        way = self._way  # a line may break while a piece is under way
        if way.hole or self._line.has_lost:
            self._line.has_lost = True
            self._line.proxy.effects += 1
            return False
        if way.cut_at and way.cut_at in piece:
            return self._cut(way.ending)
        room = len(piece) if way.cut_after_bytes is None else way.cut_after_bytes - self.passed
        self._writer.write(piece[: max(0, room)])
        self.passed += len(piece)
        await self._writer.drain()
        return self._cut(way.ending) if way.cut_after_bytes is not None and room <= len(piece) else False

    def _cut(self, ending: Ending) -> bool:
        self._line.proxy.effects += 1
        if ending is Ending.HALF_CLOSE:
            self._writer.write_eof()
        else:
            self._line.end(ending)
        return True


class _Line:
    """One connection with both its ends."""

    def __init__(self, proxy: "FaultProxy", client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.proxy = proxy
        self.has_lost = False
        self.asked = False
        self.pipes: list[_Pipe] = []
        self._ends = (client, server)

    def count_round_trip(self, *, up: bool) -> None:
        """An answer counts when it begins, in however many pieces it or its question comes."""
        if not up and self.asked:
            self.proxy.round_trips += 1
        self.asked = up

    def end(self, ending: Ending) -> None:
        """Reset both ends."""
        for writer in self._ends:
            if ending is Ending.RESET:
                _reset(writer)
            else:
                writer.close()

    async def ended(self) -> None:
        """Wait until both ends are closed: what is written and not read keeps one open until it is reset."""
        for writer in self._ends:
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class FaultProxy:
    """A proxy on its own port before ``host:port``. A context manager: entering it starts, leaving it ends it.

    Attributes:
        port: to connect to.
        faults: in force.
        accepted: connections so far.
        effects: how often a fault has affected something: a piece delayed, swallowed or cut, a connection ended.
        round_trips: how often an answer has followed a request.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.port = free_port()
        self.faults = Faults()
        self.accepted = 0
        self.effects = 0
        self.round_trips = 0
        self._target = (host, port)
        self._lines: set[_Line] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy", daemon=True)
        self._server: asyncio.Server | None = None

    @property
    def open(self) -> int:
        """Connections that go through it now."""
        return len(self._lines)

    def set(self, faults: Faults) -> None:
        """Break the line so from now on, for what is connected and what will be."""
        self._do(self._set(faults))

    def heal(self) -> None:
        """Break nothing any more; what has lost bytes is reset."""
        self.set(Faults())

    def reset(self) -> None:
        """RST to both ends of all that is connected now."""
        self._do(self._end_lines(only_losers=False))

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _stop_listening(self) -> None:
        """The kernel refuses from now on.

        First what is accepted already is begun: asyncio forgets, and never closes, a connection whose server was closed
        between the two.
        """
        if self._server is None:
            return
        server, self._server = self._server, None
        for listener in server.sockets:
            self._loop.remove_reader(listener.fileno())
        await asyncio.sleep(SHORT_DELAY_S)
        server.close()

    async def _set(self, faults: Faults) -> None:
        before, self.faults = self.faults, faults
        for line in self._lines:
            for pipe in line.pipes:
                pipe.passed = 0
        if faults.refuse:
            await self._stop_listening()
        if not faults.refuse and before.refuse:
            await self._listen()
        if faults.refuse or not (faults.up.hole or faults.down.hole):
            await self._end_lines(only_losers=not faults.refuse)

    async def _end_lines(self, *, only_losers: bool) -> None:
        for line in list(self._lines):
            if line.has_lost or not only_losers:
                self.effects += 1
                line.end(Ending.RESET)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            line = _Line(self, writer, far_writer)
            line.pipes = [_Pipe(line, reader, far_writer, up=True), _Pipe(line, far_reader, writer, up=False)]
            await self._carry(line)
        except OSError:
            _reset(writer)  # no one is there

    async def _carry(self, line: _Line) -> None:
        self._lines.add(line)
        try:
            await asyncio.gather(*(_unless_lost(pipe) for pipe in line.pipes))
        finally:
            line.end(Ending.CLOSE)
            await line.ended()
            self._lines.discard(line)

    async def _close(self) -> None:
        await self._stop_listening()
        while asyncio.all_tasks() - {asyncio.current_task()}:
            await self._end_lines(only_losers=False)
            await asyncio.sleep(SHORT_DELAY_S)
        await asyncio.sleep(SHORT_DELAY_S)  # for the last sockets' own good-byes


async def _unless_lost(pipe: _Pipe) -> None:
    with contextlib.suppress(OSError):  # an end of the line is gone: that is what this is for
        await pipe.pump()


def _reset(writer: asyncio.StreamWriter) -> None:
    own = writer.get_extra_info("socket")
    if own is not None and own.fileno() >= 0:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_GOOD_BYE)
    writer.transport.abort()


def both(way: Way) -> Faults:
    """The same in both directions."""
    return Faults(up=way, down=replace(way))
