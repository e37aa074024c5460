"""The people of a run: made before anything breaks, each used by one cell, each with mails that are due in the end."""

from collections import deque
from dataclasses import dataclass, field
from functools import partial

from tests.chaos.matrix.actions import ACTIONS, Action, People, Person, letters
from tests.chaos.matrix.table import Cell
from tests.support.clients import answers, rows
from tests.support.mailed import opened_boxes
from tests.support.waiting import poll_until

_VERIFY_BY = {"unverified": "email", "registered": "none"}
_STATUS = {"unverified": "unverified", "confirmed": "registered"}


@dataclass(slots=True)
class Crowd:
    """Attributes:
    people: to ask with.
    due: how many different mails everybody has to have in the end, by person's number.
    """

    people: People
    due: dict[int, int] = field(default_factory=dict)
    _waiting: dict[str, deque[Person]] = field(default_factory=dict)
    _count: int = 0

    def make(self, cells: list[Cell]) -> None:
        """Everybody whom ``cells`` need, registered, with their links from their mails; and one whom nobody uses."""
        for need, way in _VERIFY_BY.items():
            wanted = sum(ACTIONS[cell.action].needs == need for cell in cells) + (need == "registered")
            self._set_verification(way)
            if way == "email":
                poll_until(self._asks_by_its_own_link, 10, what="the service knows that addresses are to be confirmed")
            wanted += len(self._waiting.get(need, ()))
            while len(self._waiting.setdefault(need, deque())) < wanted:
                self._register()
        self._read_links()

    def calm(self) -> Person:
        """The registered person whom no cell uses."""
        return self._waiting["registered"][0]

    def take(self, action: Action) -> Person:
        """Somebody for ``action``, whose mails are due from now on."""
        if action.needs == "nobody":
            return Person(0)
        person = self._newcomer() if action.needs == "new" else self._waiting[action.needs].pop()
        self.due[person.number] = self.due.get(person.number, 0) + action.mails
        return person

    def has_mails(self) -> bool:
        """Whether everybody has the mails that are due, and nobody any other."""
        return self.mails() == self.due

    def mails(self) -> dict[int, int]:
        """How many different mails everybody has."""
        found = letters(self.people.stack.mail_folder)
        return {number: len({identity for identity, _ in found.get(_address(number), [])}) for number in self.due}

    def _newcomer(self) -> Person:
        self._count += 1
        return Person(self._count)

    def _asks_by_its_own_link(self) -> bool:
        """The service keeps a form for about a second: until then it makes no link for confirming alone."""
        self._register()
        return "verify" in opened_boxes(self.people.stack.installation)[-1]

    def _register(self) -> None:
        """The service keeps a form for about a second: what somebody has become, the answer says."""
        person = self._newcomer()
        answer = self.people.ask(ACTIONS["register"], person)
        assert answer.status == 201, answer
        self._waiting.setdefault(_STATUS[answer.body["status"]], deque()).append(person)
        self.due[person.number] = 1

    def _read_links(self) -> None:
        poll_until(partial(self.has_mails), 90, every_s=0.3, what="everybody has their first mail")
        found = letters(self.people.stack.mail_folder)
        for need, waiting in self._waiting.items():
            linked = [Person(who.number, found[_address(who.number)][0][1]) for who in waiting]
            self._waiting[need] = deque(linked)

    def _set_verification(self, way: str) -> None:
        rows(self.people.stack.installation.urls["registration"], "UPDATE form SET verification = %s", way)


def _address(number: int) -> str:
    return str(answers(number)["email"])
