"""What all steps of a history share: the model beside the world, and who there is to act on."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from tests.integration.model.audit import Auditor
from tests.integration.model.bus import Bus
from tests.integration.model.ledger import Answer, Ledger
from tests.integration.model.office import Office
from tests.integration.model.post import Post
from tests.integration.model.world import World

WHO = st.sampled_from(["ada", "ben", "cleo", "dan", "eve", "fay"])
WISH = st.tuples(st.sampled_from(["plain", "plain", "held", "no-list"]), WHO, st.sampled_from([None, "key-1", "key-2"]))
ANY = st.integers(0, 99)
"""One of those that there are: the number counts round."""

LOST = st.sampled_from([False, False, True])
TICK = timedelta(microseconds=1)


class History(RuleBasedStateMachine):
    """One history in ``world``, without its steps."""

    def __init__(self, world: World, office: Office, bus: Bus, post: Post, auditor: Auditor) -> None:
        super().__init__()
        world.set_back()
        bus.forget()
        post.forget()
        self.world, self.office, self.bus, self.post, self.auditor = world, office, bus, post, auditor
        self.ledger = Ledger()
        self.steps = 0

    def _deliver(self, queue: str, pick: Any, dies: bool) -> list[Any]:
        fresh = self.bus.deliver(queue, pick, dies=dies)
        if queue == "registration.copies":
            for message in fresh:
                self.ledger.hear(message.subject, message.data["revision"])
        return fresh

    def _register(self, wishes: list[tuple[str, str, str | None]], lost: bool = False) -> None:
        for gone in [True, False] if lost else [False]:
            filled = [self.office.fill(*wish) for wish in wishes]
            answers = [self.ledger.register(told, self.world.clock()) for _, told in filled]
            heard = self.office.register([submission for submission, _ in filled], lost=gone)
            agree(heard, [] if gone else answers)

    def _twice(self, lost: bool, ask: Any) -> Answer:
        """What the model answers to whoever asks again after an answer was lost; a refusal arrives at once."""
        answer: Answer = ask()
        return ask() if lost and isinstance(answer, str) else answer

    def _some(self, *statuses: str) -> list[dict[str, Any]]:
        return [who for who in self.ledger.people.values() if not statuses or who["status"] in statuses]

    def _holding(self) -> list[dict[str, Any]]:
        return [who for who in self._some("unverified") if self.ledger.holds(who, self.world.clock() + TICK)]

    def _pick(self, index: int, *statuses: str) -> dict[str, Any]:
        some = self._some(*statuses)
        return some[index % len(some)]


def newest_first(there: int) -> Iterable[int]:
    """What waits, from the last to the first."""
    return reversed(range(there))


def agree(told: Any, wanted: Any) -> None:
    """Fail unless somebody is told what the model says."""
    assert told == wanted, f"told {told}, the model says {wanted}"
