"""Opens the links of mails as programs do that scan mails before people do."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from urllib.parse import urljoin, urlsplit

import requests

from deploy.shape import service_for
from tests.scenario.parsed_mails import Page, Received
from tests.scenario.scenario_system import ScenarioSystem
from tests.support.database_contents import Contents, contents_of

PUBLIC = "http://127.0.0.1:8000"
"""Where links lead; opening one sends a request to the service that serves it."""

OF_EACH = 10
"""Of the links of one family that get the same answer, how many are opened again, with what their pages link to."""

AHEAD = {"Purpose": "prefetch", "Sec-Purpose": "prefetch", "X-Moz": "prefetch"}


@dataclass(slots=True)
class Opening:
    """Attributes:
    system: whose links these are.
    mails: that contain them.
    """

    system: ScenarioSystem
    mails: Sequence[Received]
    _session: requests.Session = field(default_factory=requests.Session)

    @property
    def own(self) -> list[str]:
        """Every address of the installation in any mail, without the host."""
        found = {link for mail in self.mails for link in mail.links() if link.startswith(f"{PUBLIC}/")}
        return sorted(link.removeprefix(PUBLIC) for link in found)

    @property
    def foreign(self) -> set[str]:
        """Every other address, but for what coordinators wrote in bulletins."""
        links = {link for mail in self.mails if not mail.kind.startswith("bulletin") for link in mail.links()}
        return {link for link in links if not link.startswith(f"{PUBLIC}/")}

    def contents(self) -> Contents:
        """All databases, the bus among them."""
        return contents_of(self.system.installation.urls)

    def open_all(self) -> Counter[str]:
        """Open every link ahead of the reader, then ``OF_EACH`` of each kind as readers do, and what they link to.

        Returns:
            how often each answer came, by kind.
        """
        answers: Counter[str] = Counter()
        alike: defaultdict[str, list[str]] = defaultdict(list)
        linked: set[str] = set()
        for path in self.own:
            line = _line(path, self._ask("GET", path, headers=AHEAD))
            answers[line] += 1
            alike[line].append(path)
        chosen = list(chain.from_iterable(paths[:OF_EACH] for paths in alike.values()))
        for path in chosen:
            for answer in (self._ask("HEAD", path), self._ask("GET", path)):
                answers[_line(path, answer)] += 1
                linked.update(_linked(path, answer.text))
        for path in sorted(linked.union(chosen)):
            answers[_line(path, answer := self._ask("GET", path))] += 1
        return answers

    def read(self, path: str) -> str:
        """A page."""
        answer = self._ask("GET", path)
        assert answer.status_code == 200, answer.text[:500]
        return answer.text

    def press(self, family: str, button: str) -> None:
        """Press a button behind the first link of a kind that has it."""
        path = next(path for path in self.own if path.startswith(f"/{family}/") and self._has(path, button))
        answer = self._ask("POST", path, data={"action": button})
        assert answer.status_code == 200, answer.text[:500]

    def _has(self, path: str, button: str) -> bool:
        page = self._ask("GET", path, params={"ask": button})
        return page.status_code == 200 and (not button or f'value="{button}"' in page.text)

    def _ask(self, method: str, path: str, **more: object) -> requests.Response:
        address = self.system.urls[service_for(path)] + path
        return self._session.request(method, address, timeout=30, **more)  # type: ignore[arg-type]


def _line(path: str, answer: requests.Response) -> str:
    return f"{answer.request.method} /{path.split('/')[1]}/ {answer.status_code}"


def _linked(path: str, html: str) -> Iterator[str]:
    """Paths of the installation that a page links to."""
    for href in Page(html).hrefs:
        place = urlsplit(urljoin(PUBLIC + path, href))
        if f"{place.scheme}://{place.netloc}" == PUBLIC and service_for(place.path):
            yield place._replace(scheme="", netloc="", fragment="").geturl()
