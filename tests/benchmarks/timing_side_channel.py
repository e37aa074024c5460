"""P11: whether the time of an answer reveals what is known of an address: new ones against known ones, alternately.

One client, one request at a time, on one connection: as an attacker close to the service would measure. Each pair is an
unknown address and one of which something is known, in random order.
"""

import http.client
import json
import random
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.benchmarks.implementations import DECIDES, start
from tests.benchmarks.intake_adapter import ACCEPTED, PATH
from tests.benchmarks.known_addresses import Addresses, registered
from tests.benchmarks.servers import Entry, Servers
from tests.benchmarks.timing_classifier import Distinguishability, distinguish
from tests.support.clients import answers

WARM_UP = 200
AIM_DISTANCE = 0.05
"""How far from a coin's one half a classifier may come: 0.45 to 0.55."""
AIM_MEDIANS_MS = 2.0
WAYS = ("JSON", "page", "long")
"""How a form is sent and answered: by the script, by a browser that runs none, and with the longest answer there is."""
QUESTIONS = {"JSON": "What is the next step?", "page": "What is the next step?", "long": "a " * 1999 + "a?"}


def measure(servers: Servers) -> Entry:
    """P11."""
    results, chance = dict[str, Distinguishability](), random.Random(11)
    with servers.processes() as processes:
        run = start(processes, servers.fresh_installation("telling"), DECIDES)
        for way in WAYS:
            timed = TimedClient(run.web.url, way, chance)
            results |= _measure_pairs(timed, registered(run, way.lower()), servers.options.pairs)
    return _entry(results)


def _measure_pairs(timed: "TimedClient", known: Addresses, count: int) -> dict[str, Distinguishability]:
    timed.pairs(["nobody@example.org"], WARM_UP)
    results = {}
    for kind, addresses in known.items():
        one = results[f"{kind}, {timed.way}"] = distinguish(timed.pairs(addresses, count))
        print(
            f"  {kind + ', ' + timed.way:<30} medians {one.new_ms:.2f} and {one.known_ms:.2f} ms, slower with "
            f"{one.likelihood:.3f}, guessed {one.guessed:.3f}",
            flush=True,
        )
    return results


def _entry(results: dict[str, Distinguishability]) -> Entry:
    worst = max(one.distance for one in results.values())
    apart_ms = max(abs(one.new_ms - one.known_ms) for one in results.values())
    met = worst <= AIM_DISTANCE and apart_ms < AIM_MEDIANS_MS
    kinds = {kind: _figures(one) for kind, one in results.items()}
    return {"ratio": round(worst, 3), "aim": AIM_DISTANCE, "met": met, "medians_apart_ms": round(apart_ms, 3), **kinds}


def _figures(results: Distinguishability) -> dict[str, float]:
    return {
        "likelihood": round(results.likelihood, 3),
        "guessed": round(results.guessed, 3),
        "new_ms": round(results.new_ms, 3),
        "known_ms": round(results.known_ms, 3),
    }


class TimedClient:
    """Someone with a watch.

    Args:
        url: of the service they ask.
        way: one of ``WAYS``.
        chance: their coin.
    """

    def __init__(self, url: str, way: str, chance: random.Random) -> None:
        place = urlsplit(url)
        self._connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
        self.way, self._chance, self._sent = way, chance, 0

    def pairs(self, known: Sequence[str], count: int) -> list[tuple[float, float]]:
        """Milliseconds of ``count`` pairs: of an unknown address, and of the next of ``known``."""
        found = []
        for number in range(count):
            self._sent += 1
            both = [f"new-{self.way.lower()}-{self._sent:07}@example.org", known[number % len(known)]]
            order = self._chance.sample(range(2), 2)
            took = {which: self.took_ms(both[which]) for which in order}
            found.append((took[0], took[1]))
        return found

    def took_ms(self, address: str) -> float:
        """From the first byte of what is sent to the last of its answer."""
        body, headers = encoded(filled(address, self.way), self.way)
        began = time.perf_counter()
        self._connection.request("POST", PATH, body, headers)
        answer = self._connection.getresponse()
        answer.read()
        took = (time.perf_counter() - began) * 1000
        assert answer.status == ACCEPTED
        return took


def filled(address: str, way: str) -> dict[str, Any]:
    """The answers to the form."""
    return answers(7, email=address, name="Participant", questions=QUESTIONS[way])


def encoded(content: dict[str, Any], way: str) -> tuple[str, dict[str, str]]:
    """``content`` as it is sent in a way, with the headers for it."""
    if way != "page":
        return json.dumps(content), {"Content-Type": "application/json"}
    form = urlencode({**content, "consent": "on"})
    return form, {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
