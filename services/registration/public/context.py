"""What the public routes of the service work with: forms as they are shown, and the intake."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from services.registration.forms.service import every_origin
from services.registration.intake.form_view import FormView, view_form
from services.registration.intake.service import Intake
from shared.core.clock import Clock
from shared.core.errors import DomainError, Unavailable
from shared.core.metrics import intake_requests_total
from shared.core.proxies import TrustedProxies
from shared.public_forms.proof_of_work import ProofKeys
from shared.store.unit_of_work import UnitOfWork

VIEW_KEPT_S = 1.0
"""How long a form is shown as it was read: its questions, partners and keys, whether it is open, and the word about its
seats. The decider judges by the form's row, whatever was shown."""

VIEW_KEPT_IN_NEED_S = 60.0
"""How long it may be one when it cannot be read anew."""

KEY_KEPT_S = 5.0
"""How long answers are sealed to a form's public key while it cannot be read again, so that a destroyed key goes out
of use. Afterwards a form with sealed questions accepts nothing until its key is read again."""

MOST_VIEWS = 500


@contextmanager
def counted_look_up() -> Iterator[None]:
    """Count it when a form is asked for that there is not: a partner's page names a wrong one, or somebody tries."""
    try:
        yield
    except DomainError as refusal:
        if refusal.code == "form-unknown":
            intake_requests_total.labels("unknown").inc()
        raise


@dataclass(frozen=True, slots=True)
class PublicContext:
    """Attributes:
    work: transactions on the service's database.
    clock: of the project.
    intake: stores submissions and commands.
    proxies: gateways that are believed about who sends a request.
    organiser: shown on forms.
    proof_keys: of challenges.
    views: forms seen a moment ago.
    public_url: address of the whole system as people see it.
    """

    work: UnitOfWork
    clock: Clock
    intake: Intake
    proxies: TrustedProxies
    organiser: str
    proof_keys: ProofKeys
    public_url: str
    views: dict[str, tuple[float, FormView]] = field(default_factory=dict)
    refreshing: threading.Lock = field(default_factory=threading.Lock)

    def form_view(self, slug: str) -> FormView:
        """The form called ``slug``, about a second old at most: one caller reads it anew, the others go on meanwhile.

        Raises:
            DomainError: ``form-unknown``.
        """
        kept = self.views.get(slug)
        if kept is not None and time.monotonic() - kept[0] < VIEW_KEPT_S:
            return kept[1]
        if not self.refreshing.acquire(blocking=kept is None):
            return _in_need(*kept) if kept is not None else view_form(self.work, slug, self.clock())
        try:
            return self._refreshed(slug)
        finally:
            self.refreshing.release()

    def remembered_origins(self, slug: str) -> tuple[str, ...]:
        """Origins that might use the form a moment ago; none if nothing is remembered. Asks nobody."""
        kept = self.views.get(slug)
        return kept[1].origins if kept is not None else ()

    def known_origins(self, slug: str) -> tuple[str, ...]:
        """Origins that may use the form; those of every partner where there is no such form, none if nobody can say."""
        try:
            return self.form_view(slug).origins
        except Unavailable:
            return self.remembered_origins(slug)
        except DomainError:
            return every_origin(self.work)

    def _refreshed(self, slug: str) -> FormView:
        kept = self.views.get(slug)
        if kept is not None and time.monotonic() - kept[0] < VIEW_KEPT_S:
            return kept[1]
        try:
            view = view_form(self.work, slug, self.clock())
        except Unavailable:
            # exports may hold every connection: whoever registers has one of their own, and goes on with what is known
            if kept is None or time.monotonic() - kept[0] > VIEW_KEPT_IN_NEED_S:
                raise
            return _in_need(*kept)
        if len(self.views) >= MOST_VIEWS:
            self.views.clear()
        self.views[slug] = (time.monotonic(), view)
        return view


def _in_need(read_at_s: float, view: FormView) -> FormView:
    """A form as read at a time of the monotonic clock, without its key if that was too long ago."""
    return view if time.monotonic() - read_at_s < KEY_KEPT_S else replace(view, public_key=None)
