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

OF_EACH = 3
"""How many links are opened of those to one family of pages in mails of one kind."""

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
        return sorted({path for mail in self.mails for path in _own_links(mail)})

    @property
    def of_each_kind(self) -> list[str]:
        """``OF_EACH`` of those in the mails of each kind to each family of pages."""
        found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for mail in self.mails:
            for path in _own_links(mail):
                found[mail.kind, path.split("/")[1]].add(path)
        return sorted({*chain.from_iterable(sorted(paths)[:OF_EACH] for paths in found.values())})

    @property
    def foreign(self) -> set[str]:
        """Every other address, but for what coordinators wrote in bulletins."""
        links = {link for mail in self.mails if not mail.kind.startswith("bulletin") for link in mail.links()}
        return {link for link in links if not link.startswith(f"{PUBLIC}/")}

    def contents(self) -> Contents:
        """All databases, the bus among them."""
        return contents_of(self.system.installation.urls)

    def open_all(self) -> Counter[str]:
        """Open those ``of_each_kind``, then all again and what the pages link to; how often each answer came."""
        answers: Counter[str] = Counter()
        linked: set[str] = set()
        chosen = self.of_each_kind
        for path in chosen:
            for answer in self._open(path):
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

    def _open(self, path: str) -> Iterator[requests.Response]:
        yield self._ask("HEAD", path)
        yield self._ask("GET", path, headers=AHEAD)
        yield self._ask("GET", path)

    def _ask(self, method: str, path: str, **more: object) -> requests.Response:
        address = self.system.urls[service_for(path)] + path
        return self._session.request(method, address, timeout=30, **more)  # type: ignore[arg-type]


def _own_links(mail: Received) -> Iterator[str]:
    """Addresses of the installation in a mail, without the host."""
    return (link.removeprefix(PUBLIC) for link in mail.links() if link.startswith(f"{PUBLIC}/"))


def _line(path: str, answer: requests.Response) -> str:
    return f"{answer.request.method} /{path.split('/')[1]}/ {answer.status_code}"


def _linked(path: str, html: str) -> Iterator[str]:
    """Paths of the installation that a page links to."""
    for href in Page(html).hrefs:
        place = urlsplit(urljoin(PUBLIC + path, href))
        if f"{place.scheme}://{place.netloc}" == PUBLIC and service_for(place.path):
            yield place._replace(scheme="", netloc="", fragment="").geturl()
