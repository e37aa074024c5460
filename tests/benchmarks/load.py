"""Load from one process, as cheap as Python allows: prepared bytes over sockets.

``drive`` is a closed loop (as many at once as there are clients), ``offer`` an open one (on schedule, however many
wait).

The generator shares the cores with what it measures, and costs the same for every reference.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.intake_adapter import ACCEPTED

WANTED = str(ACCEPTED).encode()
BETWEEN_S = 0.003
"""Between two connections that are opened: those opened at once may all go to one worker, those opened while it works
to the other. With this pause the busier of two workers had at most 62 % of 64 connections, without it up to 95 %."""


@dataclass(slots=True)
class Result:
    """Attributes:
    seconds: from the first request to the last answer.
    latencies_s: of each answer with the wanted status.
    others: other answers, by status line's code.
    """

    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    others: dict[bytes, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Wanted answers a second."""
        return len(self.latencies_s) / self.seconds

    def percentile_ms(self, share: float) -> float:
        """Latency in milliseconds that ``share`` (0 to 1) of the answers stay below."""
        return percentile_ms(self.latencies_s, share)


def percentile_ms(latencies_s: Sequence[float], share: float) -> float:
    """Latency in milliseconds that ``share`` (0 to 1) of ``latencies_s`` stay below; there is at least one."""
    ordered = sorted(latencies_s)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


class _Client(asyncio.Protocol):
    """One kept connection: from ``begin`` on it sends the next request when the answer to the last is whole."""

    def __init__(self, requests: Iterator[bytes], result: Result, wanted: bytes) -> None:
        self._requests, self._result, self._wanted = requests, result, wanted
        self._until = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._buffer, self._sent_at = b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def begin(self, until: float) -> None:
        """Send the first request; the last leaves before ``until`` (``time.perf_counter``)."""
        self._until = until
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        if not mark or len(body) < content_length(head):
            return
        now, status = time.perf_counter(), head[9:12]
        if status == self._wanted:
            self._result.latencies_s.append(now - self._sent_at)
        else:
            self._result.others[status] = self._result.others.get(status, 0) + 1
        self._buffer = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _send(self) -> None:
        if time.perf_counter() >= self._until:
            self._transport.close()
            return
        if (request := next(self._requests, None)) is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


def content_length(head: bytes) -> int:
    """Length of the body that follows ``head``; 0 if it has no length."""
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    return 0


def drive(
    host: str, port: int, requests: Iterator[bytes], clients: int, seconds: float, wanted: bytes = WANTED
) -> Result:
    """Send ``requests`` over ``clients`` connections for ``seconds``, or until there are no more.

    ``wanted`` is the status that counts.
    """
    result = Result()

    async def run() -> None:
        loop, opened = asyncio.get_running_loop(), []
        for _ in range(clients):
            _, client = await loop.create_connection(lambda: _Client(requests, result, wanted), host, port)
            opened.append(client)
            await asyncio.sleep(BETWEEN_S)
        began_at = time.perf_counter()
        for client in opened:
            client.begin(began_at + seconds)
        await asyncio.gather(*(client.done for client in opened))
        result.seconds = time.perf_counter() - began_at

    asyncio.run(run())
    return result


def offer(
    host: str, port: int, requests: Iterator[bytes], per_second: float, seconds: float, wanted: bytes = WANTED
) -> Result:
    """Send ``requests`` on schedule; a latency counts from the time at which the request was due."""
    result = Result()

    async def run() -> None:
        idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        began_at = time.perf_counter()
        sent = []
        for number in range(int(per_second * seconds)):
            due_at = began_at + number / per_second
            await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
            sent.append(asyncio.create_task(_one(host, port, next(requests), due_at, idle, result, wanted)))
        await asyncio.gather(*sent)
        result.seconds = time.perf_counter() - began_at
        for _reader, writer in idle:
            writer.close()

    asyncio.run(run())
    return result


async def _one(
    host: str,
    port: int,
    request: bytes,
    due_at: float,
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]],
    result: Result,
    wanted: bytes,
) -> None:
    """One request; again on a new connection if the server has just closed the kept one, with the same key."""
    reader, writer = idle.pop() if idle else await asyncio.open_connection(host, port)
    try:
        head = await _exchange(reader, writer, request)
    except (asyncio.IncompleteReadError, ConnectionError):
        reader, writer = await asyncio.open_connection(host, port)
        head = await _exchange(reader, writer, request)
    if head[9:12] == wanted:
        result.latencies_s.append(time.perf_counter() - due_at)
    else:
        result.others[head[9:12]] = result.others.get(head[9:12], 0) + 1
    if b"connection: close" in head.lower():
        writer.close()
    else:
        idle.append((reader, writer))


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    """The head of the answer, once all of it is there."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(content_length(head))
    return head
