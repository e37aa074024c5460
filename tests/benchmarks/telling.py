"""P11: whether the time of an answer reveals what is known of an address: new ones against known ones, in turn.

One client, one request at a time, on one connection: whoever wants to find out something would do it like this, and
this close. Each pair is one address that no one has heard of and one of which something is known; a coin says which
goes first.
"""

import http.client
import json
import random
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.benchmarks.ground import Entry, Ground
from tests.benchmarks.guessing import Told, tell
from tests.benchmarks.intake_adapter import ACCEPTED, PATH
from tests.benchmarks.known_addresses import Addresses, registered
from tests.benchmarks.ways import DECIDES, start
from tests.support.clients import answers

WARM_UP = 200
AIM_DISTANCE = 0.05
"""How far from a coin's one half a classifier may come: 0.45 to 0.55."""
AIM_MEDIANS_MS = 2.0
WAYS = ("JSON", "page", "long")
"""How a form is sent and answered: by the script, by a browser that runs none, and with the longest answer there is."""
QUESTIONS = {"JSON": "What is the next step?", "page": "What is the next step?", "long": "a " * 1999 + "a?"}


def measure(ground: Ground) -> Entry:
    """P11."""
    told, chance = dict[str, Told](), random.Random(11)
    with ground.processes() as processes:
        run = start(processes, ground.fresh_installation("telling"), DECIDES)
        for way in WAYS:
            asking = Asking(run.web.url, way, chance)
            told |= _tell(asking, registered(run, way.lower()), ground.options.pairs)
    return _entry(told)


def _tell(asking: "Asking", known: Addresses, count: int) -> dict[str, Told]:
    asking.pairs(["nobody@example.org"], WARM_UP)
    told = {}
    for kind, addresses in known.items():
        one = told[f"{kind}, {asking.way}"] = tell(asking.pairs(addresses, count))
        print(
            f"  {kind + ', ' + asking.way:<30} medians {one.new_ms:.2f} and {one.known_ms:.2f} ms, slower with "
            f"{one.likelihood:.3f}, guessed {one.guessed:.3f}",
            flush=True,
        )
    return told


def _entry(told: dict[str, Told]) -> Entry:
    worst = max(one.distance for one in told.values())
    apart_ms = max(abs(one.new_ms - one.known_ms) for one in told.values())
    met = worst <= AIM_DISTANCE and apart_ms < AIM_MEDIANS_MS
    kinds = {kind: _figures(one) for kind, one in told.items()}
    return {"ratio": round(worst, 3), "aim": AIM_DISTANCE, "met": met, "medians_apart_ms": round(apart_ms, 3), **kinds}


def _figures(told: Told) -> dict[str, float]:
    return {
        "likelihood": round(told.likelihood, 3),
        "guessed": round(told.guessed, 3),
        "new_ms": round(told.new_ms, 3),
        "known_ms": round(told.known_ms, 3),
    }


class Asking:
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
        """Milliseconds of ``count`` pairs: of an address that no one has heard of, and of the next of ``known``."""
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
    """``content`` as it is sent in a way, and the headers that say so."""
    if way != "page":
        return json.dumps(content), {"Content-Type": "application/json"}
    form = urlencode({**content, "consent": "on"})
    return form, {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
