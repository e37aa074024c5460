"""The proxy breaks connections as configured: each fault seen from both ends."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.fault_proxy import SHORT_DELAY_S, Ending, FaultProxy, Faults, Way, both
from tests.support.waiting import poll_until

TIMEOUT_S = 5.0
QUIET_S = 0.3
"""Long enough for what a fault would let through."""


class Echo:
    """A server that returns what it receives, and records what it has received and how its connections ended."""

    def __init__(self) -> None:
        self.received = b""
        self.endings: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more lines; a second time does nothing."""
        if self._listener.fileno() < 0:
            return
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for one
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(line,), daemon=True).start()

    def _talk(self, line: socket.socket) -> None:
        with line:
            try:
                while piece := line.recv(1000):
                    self.received += piece
                    line.sendall(piece)
                self.endings.append("closed")
            except ConnectionResetError:
                self.endings.append("reset")


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[FaultProxy]:
    with FaultProxy(echo.port) as running:
        yield running


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[socket.socket]:
    with connect(proxy) as line:
        line.sendall(b"hello")
        assert line.recv(100) == b"hello"
        yield line


def connect(proxy: FaultProxy) -> socket.socket:
    """A new line through the proxy."""
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=TIMEOUT_S)


def receives_nothing(line: socket.socket) -> bool:
    """Whether neither a byte nor an end comes within a short time."""
    line.settimeout(QUIET_S)
    try:
        line.recv(100)
    except TimeoutError:
        return True
    finally:
        line.settimeout(TIMEOUT_S)
    return False


def test_answer_is_one_round_trip_in_however_many_pieces(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.set(Faults(down=Way(delay_s=SHORT_DELAY_S)))
    before = proxy.round_trips
    for _ in range(3):
        client.sendall(b"x" * 5000)
        left = 5000
        while left:
            left -= len(client.recv(left))
    assert proxy.round_trips - before == 3


def test_whole_line_carries_a_megabyte_both_ways(proxy: FaultProxy, echo: Echo) -> None:
    content = bytes(range(256)) * 4096
    with connect(proxy) as line:
        threading.Thread(target=line.sendall, args=(content,)).start()
        back = b""
        while len(back) < len(content):
            back += line.recv(100_000)
    assert (back == content, echo.received == content) == (True, True)


def test_delay_in_one_direction_and_in_both(proxy: FaultProxy, client: socket.socket) -> None:
    for faults, least_s in ((Faults(up=Way(delay_s=0.2)), 0.2), (both(Way(delay_s=0.2)), 0.4)):
        proxy.set(faults)
        began_s = time.monotonic()
        client.sendall(b"x")
        assert client.recv(100) == b"x"
        assert time.monotonic() - began_s >= least_s


def test_rate_is_kept(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.set(Faults(down=Way(bytes_per_s=1000)))
    began_s = time.monotonic()
    client.sendall(bytes(300))
    left = 300
    while left:
        left -= len(client.recv(300))
    assert time.monotonic() - began_s >= 0.3


@pytest.mark.parametrize(
    ("faults", "received"),
    [(Faults(up=Way(hole=True)), b"hello"), (Faults(down=Way(hole=True)), b"hellolost")],
)
def test_black_hole_swallows_without_an_error(
    proxy: FaultProxy, client: socket.socket, echo: Echo, faults: Faults, received: bytes
) -> None:
    """Healing resets what has lost bytes, and new lines are whole."""
    proxy.set(faults)
    client.sendall(b"lost")
    assert receives_nothing(client)
    assert (echo.received, echo.endings) == (received, [])
    proxy.heal()
    with pytest.raises(ConnectionResetError):
        client.recv(100)
    with connect(proxy) as line:
        line.sendall(b"whole")
        assert line.recv(100) == b"whole"


def test_line_that_lost_nothing_outlives_a_black_hole(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.set(both(Way(hole=True)))
    proxy.heal()
    client.sendall(b"still here")
    assert client.recv(100) == b"still here"


def test_new_lines_fall_into_a_black_hole_too(proxy: FaultProxy, echo: Echo) -> None:
    proxy.set(both(Way(hole=True)))
    with connect(proxy) as line:
        line.sendall(b"lost")
        assert receives_nothing(line)
    assert echo.received == b""


def test_cut_after_so_many_bytes_counted_from_when_the_fault_began(
    proxy: FaultProxy, client: socket.socket, echo: Echo
) -> None:
    """With FIN nothing overtakes what has passed: the server has exactly so much, the client reads to an end."""
    proxy.set(Faults(up=Way(cut_after_bytes=3, ending=Ending.CLOSE)))
    client.sendall(b"abcdef")
    poll_until(lambda: len(echo.endings) == 1, what="the server sees the end")
    assert echo.received == b"helloabc"
    assert client.recv(100) in (b"abc", b"")


def test_reset_within_what_is_sent(proxy: FaultProxy, client: socket.socket, echo: Echo) -> None:
    proxy.set(Faults(up=Way(cut_after_bytes=3)))
    client.sendall(b"abcdef")
    poll_until(lambda: echo.endings == ["reset"], what="the server sees the reset")
    with pytest.raises(ConnectionResetError):
        client.recv(100)


def test_cut_at_an_answer_loses_it_after_the_server_gave_it(
    proxy: FaultProxy, client: socket.socket, echo: Echo
) -> None:
    proxy.set(Faults(down=Way(cut_at=b"done")))
    client.sendall(b"go on")
    assert client.recv(100) == b"go on"
    client.sendall(b"now done")
    with pytest.raises(ConnectionResetError):
        client.recv(100)
    assert echo.received == b"hellogo onnow done"


def test_half_close_ends_one_direction_only(proxy: FaultProxy, client: socket.socket, echo: Echo) -> None:
    proxy.set(Faults(down=Way(cut_after_bytes=2, ending=Ending.HALF_CLOSE)))
    client.sendall(b"abcdef")
    assert (client.recv(100), client.recv(100)) == (b"ab", b"")
    client.sendall(b"more")
    poll_until(lambda: echo.received == b"helloabcdefmore", what="the other direction continues")


def test_refuse_ends_what_is_connected_and_refuses_what_comes(
    proxy: FaultProxy, client: socket.socket, echo: Echo
) -> None:
    proxy.set(Faults(refuse=True))
    with pytest.raises(ConnectionResetError):
        client.recv(100)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    poll_until(lambda: echo.endings == ["reset"], what="the server sees the reset")
    proxy.heal()
    with connect(proxy) as line:
        line.sendall(b"back")
        assert line.recv(100) == b"back"


def test_reset_now_and_whole_afterwards(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(100)
    poll_until(lambda: proxy.open == 0, what="the proxy has let go")
    connect(proxy).close()


def test_server_that_is_away_is_seen_as_a_reset(proxy: FaultProxy, echo: Echo) -> None:
    echo.close()
    with pytest.raises(ConnectionResetError), connect(proxy) as line:
        line.recv(100)
