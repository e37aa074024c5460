"""``python -m tests.support.broker_network PLAN``: the network between the nodes of a cluster, to be cut at will.

Every node asks its own port mapper, which is this process, and gets for each other node the port of a line that leads
there through this process. A blocked direction buffers what is sent on it, and delivers it when it is opened: as with a
cable that is pulled and put in again. Each direction is blocked separately. It needs no rights, no namespace and no
packet filter, and nothing is left of it when it ends; clients and ``rabbitmqctl`` bypass it.

A line of JSON on the control port, ``[[0, 1], [1, 0]]``, names the directions that are blocked from now on, by node
numbers.
"""

import asyncio
import json
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count

ALIVE, ASK_PORT, ASK_NAMES = ord("x"), ord("z"), ord("n")
ALIVE_ANSWER, PORT_ANSWER = 118, 119
"""Erlang's port mapper protocol ("Distribution Protocol", EPMD), as of OTP 23 and later."""

ORDINARY_NODE, TCP, NEWEST_VERSION, OLDEST_VERSION = 77, 0, 6, 5
CHUNK_BYTES = 65_536

Way = tuple[int, int]
"""From node to node, by number."""


@dataclass(slots=True)
class Network:
    """Attributes:
    names: Erlang name (without host) of each node.
    mappers: port of the mapper that each node asks.
    listeners: port on which each node really listens for the others.
    lines: port of the line by way.
    """

    names: list[str]
    mappers: list[int]
    listeners: list[int]
    lines: dict[Way, int]
    _known: dict[str, int] = field(default_factory=dict)
    _ways: dict[Way, asyncio.Event] = field(default_factory=dict)
    _creation: "count[int]" = field(default_factory=lambda: count(4))
    _pumps: set["asyncio.Task[None]"] = field(default_factory=set)

    async def serve(self, control: int) -> None:
        """Keep mappers, lines and the control port open forever."""
        for way in self.lines:
            self._ways[way] = asyncio.Event()
        self._shut([])
        for node, port in enumerate(self.mappers):
            await asyncio.start_server(partial(self._map, node), "127.0.0.1", port)
        for way, port in self.lines.items():
            await asyncio.start_server(partial(self._join, way), "127.0.0.1", port)
        server = await asyncio.start_server(self._obey, "127.0.0.1", control)
        await server.serve_forever()

    def _shut(self, shut: Sequence[Sequence[int]]) -> None:
        wanted = {(way[0], way[1]) for way in shut}
        for way, gate in self._ways.items():
            if way in wanted:
                gate.clear()
            else:
                gate.set()

    async def _obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            self._shut(json.loads(line))
            writer.write(b"done\n")
        writer.close()

    async def _map(self, asker: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            (length,) = struct.unpack(">H", await reader.readexactly(2))
            request = await reader.readexactly(length)
            if request[0] == ALIVE:
                await self._remember(request, reader, writer)
            elif request[0] == ASK_PORT:
                writer.write(self._port_answer(request[1:].decode(), asker))
            elif request[0] == ASK_NAMES:
                own = self.names[asker]
                known = f"name {own} at port {self._known[own]}\n" if own in self._known else ""
                writer.write(struct.pack(">I", self.mappers[asker]) + known.encode())
            await writer.drain()
        writer.close()

    async def _remember(self, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A node is known for as long as it keeps this connection."""
        (port,), (length,) = struct.unpack(">H", request[1:3]), struct.unpack(">H", request[9:11])
        name = request[11 : 11 + length].decode()
        self._known[name] = port
        writer.write(struct.pack(">BBI", ALIVE_ANSWER, 0, next(self._creation)))
        try:
            await reader.read()
        finally:
            if self._known.get(name) == port:
                del self._known[name]

    def _port_answer(self, name: str, asker: int) -> bytes:
        if name not in self._known:
            return bytes([PORT_ANSWER, 1])
        port = self._known[name]
        if name in self.names and self.names.index(name) != asker:
            port = self.lines[asker, self.names.index(name)]
        head = struct.pack(">BBHBBHH", PORT_ANSWER, 0, port, ORDINARY_NODE, TCP, NEWEST_VERSION, OLDEST_VERSION)
        return head + struct.pack(">H", len(name)) + name.encode() + struct.pack(">H", 0)

    async def _join(self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from a node to another; either end's end is the other's."""
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.listeners[way[1]])
        except OSError:
            writer.close()
            return
        for source, target, direction in ((reader, far_writer, way), (far_reader, writer, (way[1], way[0]))):
            pump = asyncio.create_task(self._pump(source, target, self._ways[direction]))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    @staticmethod
    async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, gate: asyncio.Event) -> None:
        with suppress(ConnectionError):
            while data := await source.read(CHUNK_BYTES):
                await gate.wait()
                target.write(data)
                await target.drain()
        await gate.wait()
        target.close()


def main(plan: str) -> None:
    """Serve the network that ``plan`` (JSON) describes."""
    given = json.loads(plan)
    lines = {(way[0], way[1]): port for way, port in given["lines"]}
    network = Network(given["names"], given["mappers"], given["listeners"], lines)
    asyncio.run(network.serve(given["control"]))


if __name__ == "__main__":
    main(sys.argv[1])
