"""The people of a run: created before any fault, each used by one cell and each with expected mails."""

from collections import deque
from dataclasses import dataclass, field
from functools import partial

from tests.chaos.matrix.actions import ACTIONS, Action, People, Person, letters
from tests.chaos.matrix.table import Cell
from tests.support.clients import answers
from tests.support.waiting import poll_until

PENDING, REGISTERED = "pending", "registered"
ALL_MAILED_WITHIN_S = 90.0


@dataclass(slots=True)
class ParticipantPool:
    """Attributes:
    people: to ask with.
    due: how many different mails everyone has to have in the end, by person's number.
    confirmed: numbers of those who have confirmed, and are registered in the end.
    """

    people: People
    due: dict[int, int] = field(default_factory=dict)
    confirmed: set[int] = field(default_factory=set)
    _waiting: dict[str, deque[Person]] = field(default_factory=lambda: {PENDING: deque(), REGISTERED: deque()})
    _count: int = 0

    def make(self, cells: list[Cell]) -> None:
        """Everyone whom ``cells`` need, with their links from their mails; and one whom no one uses.

        Those who confirm come first: each of them raises the daily quota of their client network, which is all of them.
        """
        wanted = {need: sum(ACTIONS[cell.action].needs == need for cell in cells) for need in self._waiting}
        confirming = self._mailed([self._submit() for _ in range(wanted[REGISTERED] + 1)])
        for person in confirming:
            self._confirm(person)
        self._waiting[REGISTERED].extend(self._mailed(confirming))
        self._waiting[PENDING].extend(self._mailed([self._submit() for _ in range(wanted[PENDING])]))

    def calm(self) -> Person:
        """The registered person whom no cell uses."""
        return self._waiting[REGISTERED][0]

    def take(self, action: Action) -> Person:
        """Someone for ``action``, whose mails are due from now on."""
        if action.needs == "nobody":
            return Person(0)
        person = self._newcomer() if action.needs == "new" else self._waiting[action.needs].pop()
        self.due[person.number] = self.due.get(person.number, 0) + action.mails
        if action.needs == PENDING:
            self.confirmed.add(person.number)
        return person

    def addresses(self) -> list[str]:
        """Of everyone who has confirmed."""
        return sorted(_address(number) for number in self.confirmed)

    def has_mails(self) -> bool:
        """Whether everyone has the mails that are due, and no one any other."""
        return self.mails() == self.due

    def mails(self) -> dict[int, int]:
        """How many different mails everyone has."""
        found = letters(self.people.stack.mail_folder)
        return {number: len({identity for identity, _ in found.get(_address(number), [])}) for number in self.due}

    def _newcomer(self) -> Person:
        self._count += 1
        return Person(self._count)

    def _submit(self) -> Person:
        person = self._newcomer()
        answer = self.people.ask(ACTIONS["register"], person)
        assert answer.status == ACTIONS["register"].right, answer
        self.due[person.number] = 1
        return person

    def _confirm(self, person: Person) -> None:
        answer = self.people.ask(ACTIONS["confirm"], person)
        assert answer.status == ACTIONS["confirm"].right, answer
        self.due[person.number] += 1
        self.confirmed.add(person.number)

    def _mailed(self, people: list[Person]) -> list[Person]:
        """The same people with the link in their newest mail, once everyone has the mails that are due."""
        poll_until(partial(self.has_mails), ALL_MAILED_WITHIN_S, every_s=0.3, what="everyone has their mails")
        found = letters(self.people.stack.mail_folder)
        linked = []
        for person in people:
            link = found[_address(person.number)][-1][1]
            linked.append(Person(person.number, link, self.people.choices(link) if link.startswith("/c/") else ()))
        return linked


def _address(number: int) -> str:
    return str(answers(number)["email"])
