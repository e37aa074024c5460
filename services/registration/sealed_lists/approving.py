"""What follows from a second person's decision: the whole list is opened for whoever asked, or a key is destroyed."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from services.registration.access.service import any_is_new
from services.registration.forms.store import StoredForm, find_form
from services.registration.sealed_lists.service import ListDesk, publish_approval
from services.registration.sealing.approvals import (
    APPROVED,
    DESTROY_KEY,
    READ_ALL,
    Approval,
    ask,
    consent_to_destroy,
    decide_approval,
    find_approval,
    new_approval,
    waiting_approvals,
)
from services.registration.sealing.form_keys import KeyGone
from services.registration.sealing.key_service import (
    KeyOrder,
    StillOpen,
    StillUndecided,
    SubmissionQueue,
    destroy_form_key,
)
from services.registration.sealing.service import KEY_GONE, checked_reason
from services.registration.sealing.store import find_public_key
from shared.core.errors import DomainError

MayTouch = Callable[[str], bool]
NEW = "the access of one of you is less than three days old: another person has to approve it, or you approve it later"


@dataclass(frozen=True, slots=True)
class ApprovalDesk:
    """Asks for and decides approvals.

    Attributes:
        lists: opens what was approved.
        queue: of submissions, which may be sealed to a key that is to be destroyed.
        wait: how to wait, for so many seconds.
    """

    lists: ListDesk
    queue: SubmissionQueue
    wait: Callable[[float], object] = time.sleep

    def waiting(self, forms: frozenset[str] | None) -> Sequence[Approval]:
        """Return what waits for a decision; of ``forms`` alone unless that is None."""
        with self.lists.work.transaction() as connection:
            return waiting_approvals(connection, self.lists.clock(), forms)

    def find(self, approval_id: str, may_touch: MayTouch) -> tuple[Approval, StoredForm]:
        """Return a request and its form.

        Raises:
            DomainError: ``not-found``: there is none, or it is about a form that the key is not good for.
        """
        with self.lists.work.transaction() as connection:
            found = find_approval(connection, approval_id)
            form = find_form(connection, found.form) if found else None
        if found is None or form is None or not may_touch(found.form):
            raise DomainError("not-found")
        return found, form

    def ask_to_destroy(self, form: str, reason: str, who: str) -> Approval | None:
        """Ask for the destruction of a form's key; where one reader suffices, destroy it and return None.

        Raises:
            DomainError: ``reason-needed``; ``sealed-gone``: the form has no key; as :meth:`destroy`.
        """
        lists, now, reason = self.lists, self.lists.clock(), checked_reason(reason)
        with lists.work.transaction() as connection:
            if find_public_key(connection, form) is None:
                raise DomainError("sealed-gone", "this form has no key, or it was destroyed")
            if not lists.rules.one_reader:
                asked = new_approval(DESTROY_KEY, form, who, reason, now)
                ask(connection, asked)
                publish_approval(connection, asked, now)
                return asked
        self._destroy(form, who, {"second_person": "none: TROIKA_SEALED_ONE_READER", "reason": reason})
        return None

    def decide(self, approval_id: str, decision: str, who: str, may_touch: MayTouch) -> Approval:
        """Decide a request. What is approved is done: the list is opened for whoever asked, the key destroyed.

        Raises:
            DomainError: ``not-found``; ``new-access``: one of the two has got their sign-in lately; as
                :func:`decide_approval`; as :meth:`destroy`, with the approval stored: it can be approved once more when
                what stood in the way is settled.
        """
        found, _ = self.find(approval_id, may_touch)
        if (found.act, found.decision, decision) == (DESTROY_KEY, APPROVED, APPROVED):
            self.destroy(found.form, who)
            return found
        with self.lists.work.transaction() as connection:
            now = self.lists.clock()
            decided = decide_approval(connection, approval_id, decision, who, now)
            publish_approval(connection, decided, now)
            if decision == APPROVED and decided.act == READ_ALL:
                if any_is_new(connection, (who, decided.asked_by), self.lists.clock()):
                    raise DomainError("new-access", NEW)
                self.lists.open_approved(connection, decided)
        if decision == APPROVED and decided.act == DESTROY_KEY:
            self.destroy(decided.form, who)
        return decided

    def destroy(self, form: str, who: str) -> None:
        """Destroy a key for which two people have agreed within the last day.

        Raises:
            DomainError: ``second-person-needed``; ``form-open``: close the form first; ``undecided-submissions``;
                ``sealed-gone``.
        """
        with self.lists.work.transaction() as connection:
            consent = consent_to_destroy(connection, form, self.lists.clock())
        if not consent:
            raise DomainError("second-person-needed", "no one approved it within 24 hours")
        self._destroy(form, who, consent)

    def _destroy(self, form: str, who: str, consent: Mapping[str, str]) -> None:
        order = KeyOrder(form, who, self.lists.clock, consent=consent)
        try:
            destroy_form_key(self.lists.work, self.lists.keys, order, self.queue, self.wait)
        except StillOpen:
            raise DomainError("form-open", "close the form first: its submissions are sealed to the key") from None
        except StillUndecided as count:
            detail = f"{count} submissions are not decided yet and may need the key: try again in a minute"
            raise DomainError("undecided-submissions", detail) from None
        except KeyGone:
            raise DomainError("sealed-gone", KEY_GONE) from None
