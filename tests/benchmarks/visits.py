"""P13: a visitor's whole visit, the framed form and its submission without a script. P14: public programme pages.

Each is measured beside the reference of ``plain_pages`` in the same run.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

from deploy.local.installation import SAMPLE
from tests.benchmarks.floor import make_table
from tests.benchmarks.intake_adapter import PATH
from tests.benchmarks.load import WANTED, Result, content_length, drive
from tests.benchmarks.processor import cpu_s
from tests.benchmarks.servers import Entry, Servers
from tests.support.clients import WEBINAR, answers
from tests.support.processes import ProcessGroup
from tests.support.web import RunningWeb, load_webinar, start_web

WARM_UP_S = 2.0
FORM = f"/embed/{WEBINAR}?partner=example-partner&lang=en&parent=http%3A%2F%2Flocalhost%3A8001"
PROGRAMME = "/programme?lang=en"
BROWSER = "Host: bench\r\nAccept: text/html,application/xhtml+xml\r\nAccept-Language: en\r\nAccept-Encoding: gzip\r\n"
PLAIN = "tests.benchmarks.serve plain_pages"
AIM_VISITS, AIM_WHOLE, AIM_PAGE_CPU_MS, AIM_PROGRAMME = 600, 530, 0.6, 2500
PAGES_AT, VISITS_AT, PROGRAMME_AT = (32, 64, 128), (32, 128), (16, 32, 64)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement: wanted answers a second, latencies and processor time each in ms, and the share refused."""

    per_second: int
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    refused: float


def measure_visits(servers: Servers) -> Entry:
    """P13."""
    pids, seconds = (servers.postgres.pid,), servers.options.seconds
    get_pages, come = partial(_pages, FORM, seconds, pids), partial(_visits, seconds, pids)
    with servers.processes() as processes:
        ours = _form_web(processes, servers, "form")
        plain = _form_web(processes, servers, "plain", PLAIN)
        size = _wire_bytes(ours, FORM)
        pages, plain_pages = _interleaved(PAGES_AT, ours, plain, get_pages)
        alone, plain_visits = _interleaved(VISITS_AT, ours, plain, come)
    whole = _visits_of_the_whole(servers)
    rows = {f"form page, {count} at once": one for count, one in pages.items()}
    rows |= {f"reference page, {count} at once": one for count, one in plain_pages.items()}
    rows |= {f"visits alone, {count} at once": one for count, one in alone.items()}
    rows |= {f"reference visits, {count} at once": one for count, one in plain_visits.items()}
    rows |= {f"visits of the whole, {count} at once": one for count, one in whole.items()}
    _print(rows)
    print(f"  the form page is {size} bytes over the wire")
    slowest = min(one.per_second for one in alone.values())
    ratio = round(min(alone[count].per_second / plain_visits[count].per_second for count in VISITS_AT), 2)
    met = (
        slowest >= AIM_VISITS
        and min(one.per_second for one in whole.values()) >= AIM_WHOLE
        and max(one.cpu_ms for one in pages.values()) <= AIM_PAGE_CPU_MS
        and not any(one.refused for one in (*pages.values(), *alone.values(), *whole.values()))
    )
    found = {name.replace(",", "").replace(" ", "_"): asdict(one) for name, one in rows.items()}
    return {"ratio": slowest, "aim": AIM_VISITS, "met": met, "to_reference": ratio, "wire_bytes": size, **found}


def measure_programme(servers: Servers) -> Entry:
    """P14."""
    with servers.processes() as processes:
        installation = servers.installation("programme")
        command = f"services.events load {SAMPLE} --move-to-next {WEBINAR}"
        loaded = processes.start("load-programme", command, env=installation.environment("events", "operator"))
        assert loaded.wait(60) == 0, loaded.log_text()
        ours = start_web(processes, installation, service="events", name="programme")
        plain = start_web(processes, installation, service="events", name="plain-programme", arguments=PLAIN)
        get_pages = partial(_pages, PROGRAMME, servers.options.seconds, (servers.postgres.pid,))
        for web in (ours, plain):
            _drive(web, PROGRAMME, 8, WARM_UP_S)
        found, reference = _interleaved(PROGRAMME_AT, ours, plain, get_pages)
    rows = {f"programme, {count} at once": one for count, one in found.items()}
    rows |= {f"reference, {count} at once": one for count, one in reference.items()}
    _print(rows)
    slowest = min(one.per_second for one in found.values())
    ratio = round(min(found[count].per_second / reference[count].per_second for count in PROGRAMME_AT), 2)
    met = slowest >= AIM_PROGRAMME and not any(one.refused for one in found.values())
    figures = {name.replace(",", "").replace(" ", "_"): asdict(one) for name, one in rows.items()}
    return {"ratio": slowest, "aim": AIM_PROGRAMME, "met": met, "to_reference": ratio, **figures}


def _interleaved(
    counts: tuple[int, ...], ours: RunningWeb, plain: RunningWeb, measure: Callable[[RunningWeb, int], Figure]
) -> tuple[dict[int, Figure], dict[int, Figure]]:
    """Both sides at each count, one right after the other, so that noise falls on both."""
    pairs = {count: (measure(ours, count), measure(plain, count)) for count in counts}
    return {count: pair[0] for count, pair in pairs.items()}, {count: pair[1] for count, pair in pairs.items()}


def _form_web(processes: ProcessGroup, servers: Servers, name: str, arguments: str = "") -> RunningWeb:
    installation = servers.installation(f"visits-{name}")
    load_webinar(installation, capacity=None)
    if arguments:
        make_table(installation)
    web = start_web(processes, installation, name=name, arguments=arguments)
    _drive(web, FORM, 8, WARM_UP_S)
    return web


def _visits_of_the_whole(servers: Servers) -> dict[int, Figure]:
    with servers.whole("visits", servers.rabbit) as whole:
        whole.start()
        assert whole.web is not None
        pids = (servers.postgres.pid, *(one.pid for one in whole.programs.values()))
        return {count: _visits(servers.options.seconds, pids, whole.web, count) for count in VISITS_AT}


def _pages(path: str, seconds: float, beside: tuple[int, ...], web: RunningWeb, clients: int) -> Figure:
    before = cpu_s((web.program.pid, *beside))
    result = _drive(web, path, clients, seconds)
    return _figure(result, cpu_s((web.program.pid, *beside)) - before)


def _drive(web: RunningWeb, path: str, clients: int, seconds: float) -> Result:
    place = urlsplit(web.url)
    requests = itertools.repeat(_get(path))
    return drive(str(place.hostname), place.port or 80, requests, clients, seconds, wanted=b"200")


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\n{BROWSER}\r\n".encode()


def _wire_bytes(web: RunningWeb, path: str) -> int:
    with urlopen(Request(web.url + path, headers={"Accept-Encoding": "gzip"}), timeout=10) as answer:
        return len(answer.read())


def _visits(seconds: float, beside: tuple[int, ...], web: RunningWeb, clients: int) -> Figure:
    before = cpu_s((web.program.pid, *beside))
    result = visit(web.url, clients, seconds)
    return _figure(result, cpu_s((web.program.pid, *beside)) - before)


def _figure(result: Result, spent_s: float) -> Figure:
    taken, others = len(result.latencies_s), sum(result.others.values())
    return Figure(
        round(result.per_second),
        round(result.percentile_ms(0.5), 1),
        round(result.percentile_ms(0.99), 1),
        round(spent_s * 1000 / max(1, taken), 2),
        round(others / max(1, taken + others), 3),
    )


def visit(url: str, clients: int, seconds: float) -> Result:
    """Visitors come for ``seconds``, ``clients`` at once, each on its own connection: the form, then its answers.

    A visit counts once, by the answer at which it ended; its latency is that of both requests together.
    """
    result, place, posts = Result(), urlsplit(url), _submissions()
    host, port = str(place.hostname), place.port or 80

    async def one_after_another(until: float) -> None:
        while time.perf_counter() < until:
            loop = asyncio.get_running_loop()
            end = loop.create_future()
            await loop.create_connection(partial(_Visit, next(posts), end), host, port)
            status, took_s = await end
            if status == WANTED:
                result.latencies_s.append(took_s)
            else:
                result.others[status] = result.others.get(status, 0) + 1

    async def run() -> None:
        began = time.perf_counter()
        await asyncio.gather(*(one_after_another(began + seconds) for _ in range(clients)))
        result.seconds = time.perf_counter() - began

    asyncio.run(run())
    return result


class _Visit(asyncio.Protocol):
    """One visitor: loads the form, sends it, and is done. ``end`` gets the last status and the duration, s."""

    def __init__(self, post: bytes, end: "asyncio.Future[tuple[bytes, float]]") -> None:
        self._steps, self._end = [_get(FORM), post], end
        self._buffer, self._began = b"", time.perf_counter()
        self._parts: list[bytes] = []
        self._missing = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._steps.pop(0))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        if not mark or len(body) < content_length(head):
            return
        status, self._buffer = head[9:12], b""
        if status == b"200" and self._steps:
            self._transport.write(self._steps.pop(0))
            return
        self._finish(status)

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(b"cut")

    def _finish(self, status: bytes) -> None:
        if not self._end.done():
            self._end.set_result((status, time.perf_counter() - self._began))
            self._transport.close()


_FIRST_VISITOR = itertools.count(1_000_000)


def _submissions() -> Iterator[bytes]:
    """What a browser without a script sends, each of another participant."""
    beside = {"lang": "en", "partner": "example-partner", "parent": "http://localhost:8001", "accent": "#1d4f91"}
    for number in _FIRST_VISITOR:
        given = {name: "yes" if value is True else value for name, value in answers(number).items()}
        body = urlencode(given | beside | {"website": ""}).encode()
        head = (
            f"POST {PATH} HTTP/1.1\r\n{BROWSER}Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


def _print(rows: dict[str, Figure]) -> None:
    print(f"  {'':<36}{'per s':>8}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>8}{'refused':>9}")
    for name, one in rows.items():
        figures = f"{one.per_second:>8}{one.p50_ms:>9}{one.p99_ms:>9}{one.cpu_ms:>8}{one.refused:>9.1%}"
        print(f"  {name:<36}{figures}", flush=True)
