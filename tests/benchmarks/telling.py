"""P11: whether the time of an answer tells what is known of an address: new ones against known ones, in turn.

One client, one request at a time, on one connection: whoever wants to find out something would do it like this, and
this close. Each pair is one address that nobody has heard of and one that is registered, blocked or over its limit; a
coin says which goes first.
"""

import http.client
import json
import random
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from services.registration.domain.intake import MOST_A_DAY
from tests.benchmarks.ground import Entry, Ground
from tests.benchmarks.guessing import Told, tell
from tests.support.clients import REGISTRATIONS, answers, rows
from tests.support.installation import TestInstallation
from tests.support.web import RunningWeb, load_webinar, start_web

WARM_UP = 200
AIM_DISTANCE = 0.05
"""How far from a coin's one half a classifier may come: 0.45 to 0.55."""
AIM_MEDIANS_MS = 2.0
WAYS = ("JSON", "page")
"""How a registration is sent and answered: by the script, or by a browser that runs none."""
KNOWN = 25
"""Addresses of each kind: whoever asks has a list of names, and asks for each again and again."""
COPIES = """
    INSERT INTO form (slug, kind, event_id, definition, verification, waiting_list, partners,
        promotion_notice_minutes, open, revision)
    SELECT 'copy-' || n, kind, event_id, definition, verification, waiting_list, partners, promotion_notice_minutes,
        open, 1 FROM form, generate_series(1, %s) AS n
"""


def measure(ground: Ground) -> Entry:
    """P11."""
    installation = ground.installation("telling")
    load_webinar(installation, capacity=1000)
    rows(installation.urls["registration"], COPIES, MOST_A_DAY)
    rows(installation.urls["registration"], "INSERT INTO seat (form) SELECT slug FROM form WHERE slug LIKE 'copy-%%'")
    with ground.processes() as processes:
        web = start_web(processes, installation, workers=2, name="telling")
        asking = Asking(web, random.Random(11))
        addresses = _known(asking, installation)
        told: dict[str, Told] = {}
        for way in WAYS:
            asking.way = way
            asking.pairs(["nobody@example.org"], WARM_UP)
            for kind, known in addresses:
                told[f"{kind}, {way}"] = tell(asking.pairs(known, ground.options.pairs))
    for kind, one in told.items():
        print(
            f"  {kind:<18} medians {one.new_ms:.2f} and {one.known_ms:.2f} ms, slower with {one.likelihood:.3f}, "
            f"guessed {one.guessed:.3f}",
            flush=True,
        )
    worst = max(one.distance for one in told.values())
    apart_ms = max(abs(one.new_ms - one.known_ms) for one in told.values())
    met = worst <= AIM_DISTANCE and apart_ms < AIM_MEDIANS_MS
    kinds = {kind: _figures(one) for kind, one in told.items()}
    return {"ratio": round(worst, 3), "aim": AIM_DISTANCE, "met": met, "medians_apart_ms": round(apart_ms, 3), **kinds}


class Asking:
    """Somebody with a watch.

    Args:
        web: whom they ask.
        chance: their coin.
    """

    def __init__(self, web: RunningWeb, chance: random.Random) -> None:
        place = urlsplit(web.url)
        self._connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
        self._chance, self._sent = chance, 0
        self.way = WAYS[0]

    def pairs(self, known: Sequence[str], count: int) -> list[tuple[float, float]]:
        """Milliseconds of ``count`` pairs: of an address that nobody has heard of, and of one of ``known``."""
        found = []
        for number in range(count):
            self._sent += 1
            both = [f"new-{self._sent:07}@example.org", known[number % len(known)]]
            order = self._chance.sample(range(2), 2)
            took = {which: self.took_ms(both[which]) for which in order}
            found.append((took[0], took[1]))
        return found

    def took_ms(self, address: str, path: str = REGISTRATIONS) -> float:
        """From the first byte of a registration to the last of its answer."""
        filled = answers(7, email=address, name="Participant", questions="What is the next step?")
        body, headers = _as_json(filled) if self.way == "JSON" else _as_browser(filled)
        began = time.perf_counter()
        self._connection.request("POST", path, body, headers)
        answer = self._connection.getresponse()
        answer.read()
        took = (time.perf_counter() - began) * 1000
        assert answer.status == 201
        return took


def _as_json(filled: dict[str, Any]) -> tuple[str, dict[str, str]]:
    return json.dumps(filled), {"Content-Type": "application/json"}


def _as_browser(filled: dict[str, Any]) -> tuple[str, dict[str, str]]:
    form = urlencode({**filled, "consent": "on"})
    return form, {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}


def _known(asking: Asking, installation: TestInstallation) -> list[tuple[str, list[str]]]:
    """Addresses of each kind, made so."""
    made: dict[str, list[str]] = {
        kind: [f"{kind}-{number}@example.org" for number in range(KNOWN)]
        for kind in ("duplicate", "blocked", "over-limit")
    }
    for address in made["duplicate"]:
        asking.took_ms(address)
    for address in made["over-limit"]:
        for number in range(1, MOST_A_DAY + 1):
            asking.took_ms(address, f"/v1/forms/copy-{number}/registrations")
    for address in made["blocked"]:
        _block(asking, installation, address)
    return list(made.items())


def _block(asking: Asking, installation: TestInstallation, address: str) -> None:
    wanted: dict[str, Any] = {"email": address, "reason": "asked us never to be registered"}
    headers = {
        "Authorization": f"Bearer {installation.secrets.coordinator_key}",
        "Content-Type": "application/json",
    }
    asking._connection.request("POST", "/v1/blocked-addresses", json.dumps(wanted), headers)
    answer = asking._connection.getresponse()
    answer.read()
    assert answer.status == 204


def _figures(told: Told) -> dict[str, float]:
    return {
        "likelihood": round(told.likelihood, 3),
        "guessed": round(told.guessed, 3),
        "new_ms": round(told.new_ms, 3),
        "known_ms": round(told.known_ms, 3),
    }
