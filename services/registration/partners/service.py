"""Partners: set up by coordinators, who allow the origins that a partner asks for, and shown what is theirs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from services.registration.forms.messages import partner_message
from services.registration.forms.opening import closed_reason
from services.registration.forms.service import (
    MAX_ORIGINS,
    Partner,
    add_partner,
    change_partner,
    check_slug,
    find_partners,
)
from services.registration.forms.store import StoredForm, all_forms
from services.registration.people.store import count_through
from shared.db.unit_of_work import UnitOfWork
from shared.i18n.languages import Text
from shared.messaging import outbox
from shared.public_forms.definition import FormDefinition, parse_definition
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.security.audit_log import AuditRecord, add_audit_record

MAX_REQUESTED = 5
NOTED = ("name", "origins", "requested_origins", "language", "theme")
"""What the audit log records of a change, before and after."""


@dataclass(frozen=True, slots=True)
class PartnersContext:
    """Dependencies of the routes about partners.

    Attributes:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        public_url: the base URL in the code that partners paste.
    """

    work: UnitOfWork
    clock: Clock
    public_url: str

    def add(self, partner: Partner, by: str) -> None:
        """Store a new partner.

        Raises:
            DomainError: ``already-exists``, ``too-many-origins``.
        """
        _check(partner)
        with self.work.transaction() as connection:
            if not add_partner(connection, partner):
                raise DomainError("already-exists", f"there is already a partner {partner.slug}")
            now = self.clock()
            outbox.add(connection, [partner_message(partner, now)])
            add_audit_record(connection, _audit_entry("partner-added", partner, by, _noted(partner)), now)

    def change(self, partner: Partner, by: str) -> Partner:
        """Store ``partner`` in place of the one with its slug and revision; returns it as it is then.

        An origin that is allowed is no longer asked for. Nothing is written where nothing differs.

        Raises:
            DomainError: ``not-found``, ``edit-conflict``, ``too-many-origins``.
        """
        requested = tuple(origin for origin in partner.requested_origins if origin not in partner.origins)
        partner = replace(partner, requested_origins=requested)
        _check(partner)
        with self.work.transaction() as connection:
            before = _found(connection, partner.slug)
            if before.revision != partner.revision:
                raise DomainError("edit-conflict", "read it again and repeat your change")
            if before != partner:
                partner = self._store(connection, before, partner, by, "partner-changed")
        return partner

    def request_origin(self, slug: str, origin: str, by: str) -> Partner:
        """Note that a partner asks for another origin; asking for one that is there or asked for changes nothing.

        Raises:
            DomainError: ``not-found``, ``too-many-origins``, ``edit-conflict``.
        """
        with self.work.transaction() as connection:
            before = _found(connection, slug)
            if origin in (*before.origins, *before.requested_origins):
                return before
            asked = replace(before, requested_origins=(*before.requested_origins, origin))
            _check(asked)
            return self._store(connection, before, asked, by, "origin-requested")

    def _store(self, connection: Connection, before: Partner, after: Partner, by: str, action: str) -> Partner:
        if not change_partner(connection, after):
            raise DomainError("edit-conflict", "read it again and repeat your change")
        old, new = _noted(before), _noted(after)
        names = [name for name in NOTED if old[name] != new[name]]
        detail = {"before": {name: old[name] for name in names}, "after": {name: new[name] for name in names}}
        stored, now = replace(after, revision=after.revision + 1), self.clock()
        outbox.add(connection, [partner_message(stored, now)])
        add_audit_record(connection, _audit_entry(action, after, by, detail), now)
        return stored


def _found(connection: Connection, slug: str) -> Partner:
    found = find_partners(connection, [slug])
    if not found:
        raise DomainError("not-found", "there is no such partner")
    return found[0]


def _check(partner: Partner) -> None:
    if len(partner.origins) > MAX_ORIGINS or len(partner.requested_origins) > MAX_REQUESTED:
        limits = f"at most {MAX_ORIGINS} origins, of which {MAX_REQUESTED} wait for a decision"
        raise DomainError("too-many-origins", limits)


def _audit_entry(action: str, partner: Partner, by: str, detail: dict[str, Any]) -> AuditRecord:
    return AuditRecord(by, action, "partner", partner.slug, detail)


def _noted(partner: Partner) -> dict[str, Any]:
    return {name: list(value) if isinstance(value := getattr(partner, name), tuple) else value for name in NOTED}


@dataclass(frozen=True, slots=True)
class PartnerForm:
    """A form that a partner's pages show, or have shown.

    Attributes:
        definition: the questions of the form.
        shown: whether the partner's pages may show it now; they may have before.
        closed: why it is closed; empty while it is open.
        registrations: the number of registrations through this partner, by status.
    """

    slug: str
    kind: str
    definition: FormDefinition
    shown: bool
    closed: str
    registrations: Mapping[str, int]

    @property
    def title(self) -> Text:
        """The title in its languages."""
        return self.definition.title


@dataclass(frozen=True, slots=True)
class PartnerView:
    """A partner and their forms, those that may be shown first."""

    partner: Partner
    forms: list[PartnerForm]


def show_partner(work: UnitOfWork, clock: Clock, slug: str, may_touch: Callable[[str], bool]) -> PartnerView:
    """Return a partner, with those of its forms and numbers that the caller may see.

    Args:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        slug: the slug of the partner.
        may_touch: whether the caller's key is good for a form.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is down.
    """
    check_slug(slug)
    with work.snapshot() as connection:
        found = find_partners(connection, [slug])
        if not found:
            raise DomainError("not-found", "there is no such partner")
        counts, now = count_through(connection, slug), clock()
        stored = [form for form in all_forms(connection) if slug in form.partners or form.slug in counts]
    forms = [
        _form(form, slug in form.partners, closed_reason(form.opening, now), counts.get(form.slug, {}))
        for form in stored
        if may_touch(form.slug)
    ]
    return PartnerView(found[0], sorted(forms, key=lambda form: (not form.shown, bool(form.closed), form.slug)))


def _form(form: StoredForm, shown: bool, closed: str, counts: Mapping[str, int]) -> PartnerForm:
    return PartnerForm(form.slug, form.kind, parse_definition(form.definition).first_step, shown, closed, counts)
