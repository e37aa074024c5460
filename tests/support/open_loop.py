"""An open-loop load: requests leave on schedule, whether or not earlier ones were answered.

A closed loop hides overload: its clients wait for a slow server, and so send less. Here each latency counts from the
time at which the request was due. Raw sockets and prepared bytes, so that one process reaches 2,000 a second.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

MAX_CONNECTIONS = 900
"""Further requests wait for one, and their latency counts on: two web processes take 1,024 and a queue of 128."""

IDLE_S = 2.0
"""A kept connection that has been idle for longer is not used again: the server may be about to close it."""

TIMEOUT_S = 20.0
"""How long an answer is waited for after the last request was due."""

REFUSED = frozenset({429, 503})


@dataclass(slots=True)
class Shot:
    """One request, from the time at which it was due to its end.

    Attributes:
        number: of the person; a repetition has the same.
        due_s: when it was due, seconds after the start of the load.
        sent_s: when it was sent.
        ended_s: when its answer was whole, or the connection was lost; 0 while neither has happened.
        status: of the answer; 0 if there was none.
        retry_after_s: of the answer; 0 if it names none.
        body: of the answer.
    """

    number: int
    due_s: float
    sent_s: float = 0.0
    ended_s: float = 0.0
    status: int = 0
    retry_after_s: int = 0
    body: bytes = b""

    @property
    def latency_s(self) -> float:
        """From when it was due to the end of its answer, seconds."""
        return self.ended_s - self.due_s


@dataclass(slots=True)
class Load:
    """What became of a load.

    Attributes:
        shots: in the order in which they were sent.
        max_connections: open at once.
    """

    shots: list[Shot] = field(default_factory=list)
    max_connections: int = 0

    def answered(self, *statuses: int) -> list[Shot]:
        """Those with one of ``statuses``."""
        return [shot for shot in self.shots if shot.status in statuses]

    def statuses(self) -> Counter[int]:
        """How many answers there were of each status; 0: never answered."""
        return Counter(shot.status for shot in self.shots)

    def reached_per_s(self) -> float:
        """Requests a second that really left."""
        return len(self.shots) / max(shot.sent_s for shot in self.shots)

    def goodput(self) -> list[int]:
        """Answers 202 in each second."""
        ended = Counter(int(shot.ended_s) for shot in self.answered(202))
        return [ended[second] for second in range(max(ended, default=-1) + 1)]


def percentile_s(latencies_s: Sequence[float], share: float) -> float:
    """The latency that ``share`` (0 to 1) of ``latencies_s`` stay below, seconds; 0 if there are none."""
    ordered = sorted(latencies_s)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def fire(
    url: str,
    schedule: Sequence[float],
    request: Callable[[int], bytes],
    *,
    first: int = 0,
    retries: int = 0,
    timeout_s: float = TIMEOUT_S,
) -> Load:
    """Send one request at each time of ``schedule``; returns when all are answered or ``timeout_s`` is over.

    Args:
        url: whose host and port are used.
        schedule: seconds from the start, rising.
        request: the bytes of the person with this number.
        first: number of the first person.
        retries: how often a person who is refused retries, at once.
        timeout_s: after the last was due, seconds.
    """
    place = urlsplit(url)
    generator = _Generator(str(place.hostname), place.port or 80, request, retries)
    return asyncio.run(generator.run(schedule, first, timeout_s))


class _Generator:
    """One run: its idle connections, and what is still on its way."""

    def __init__(self, host: str, port: int, request: Callable[[int], bytes], retries: int) -> None:
        self._host, self._port, self._request, self._retries = host, port, request, retries
        self._idle: list[_Connection] = []
        self.connections: set[_Connection] = set()
        self._in_line: deque[Shot] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._open = 0
        self._tries: Counter[int] = Counter()
        self.load = Load()
        self._began_at = 0.0

    async def run(self, schedule: Sequence[float], first: int, timeout_s: float) -> Load:
        self._began_at = time.perf_counter()
        for index, due_s in enumerate(schedule):
            wait_s = due_s - self.now_s()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            elif index % 50 == 0:
                await asyncio.sleep(0)
            self._send(Shot(first + index, due_s))
        until_s = self.now_s() + timeout_s
        while self._open and self.now_s() < until_s:
            await asyncio.sleep(0.02)
        await asyncio.gather(*self._opening)
        while self.connections:
            for connection in self.connections:
                connection.close()
            await asyncio.sleep(0.02)
        return self.load

    def now_s(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._began_at

    def _send(self, shot: Shot) -> None:
        self._open += 1
        self.load.shots.append(shot)
        self._dispatch(shot)

    def _dispatch(self, shot: Shot) -> None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable(self.now_s()):
                connection.send(shot, self._request(shot.number))
                return
            connection.close()
        if len(self.connections) + len(self._opening) >= MAX_CONNECTIONS:
            self._in_line.append(shot)
            return
        task = asyncio.get_running_loop().create_task(self._send_again(shot))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _send_again(self, shot: Shot) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(lambda: _Connection(self), self._host, self._port)
        except OSError:
            shot.sent_s = shot.ended_s = self.now_s()
            self._open -= 1
            return
        self.load.max_connections = max(self.load.max_connections, len(self.connections))
        connection.send(shot, self._request(shot.number))

    def ended(self, connection: "_Connection", shot: Shot, *, kept: bool) -> None:
        """Called by a connection when its shot has its answer, or never will."""
        shot.ended_s = self.now_s()
        self._open -= 1
        if kept:
            self._idle.append(connection)
        if self._in_line:
            self._dispatch(self._in_line.popleft())
        if shot.status in REFUSED and self._tries[shot.number] < self._retries:
            self._tries[shot.number] += 1
            self._send(Shot(shot.number, shot.ended_s))


class _Connection(asyncio.Protocol):
    """One connection with at most one request on its way."""

    def __init__(self, generator: _Generator) -> None:
        self._generator = generator
        self._shot: Shot | None = None
        self._buffer = b""
        self._idle_since_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._generator.connections.add(self)

    def usable(self, now_s: float) -> bool:
        """Whether the server surely still listens on it."""
        return not self._transport.is_closing() and now_s - self._idle_since_s < IDLE_S

    def send(self, shot: Shot, content: bytes) -> None:
        """Send a request."""
        self._shot, self._buffer = shot, b""
        shot.sent_s = self._generator.now_s()
        self._transport.write(content)

    def close(self) -> None:
        """Close it."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        if self._shot is None or not mark:
            return
        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if not _is_whole(headers, body):
            return
        shot, self._shot = self._shot, None
        shot.status, shot.body = int(head[9:12]), body
        shot.retry_after_s = int(headers.get(b"retry-after", b"0"))
        closes = headers.get(b"connection") == b"close"
        self._idle_since_s = self._generator.now_s()
        self._generator.ended(self, shot, kept=not closes)
        if closes:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._generator.connections.discard(self)
        shot, self._shot = self._shot, None
        if shot is not None:
            self._generator.ended(self, shot, kept=False)


def _is_whole(headers: dict[bytes, bytes], body: bytes) -> bool:
    if b"chunked" in headers.get(b"transfer-encoding", b""):
        return body.endswith(b"0\r\n\r\n")
    return len(body) >= int(headers.get(b"content-length", b"0"))
