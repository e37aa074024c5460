"""Use cases of coordinators: register and switch webhooks, issue each secret once, look up deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.notifications.webhooks.http_client import ForbiddenAddress, new_secret, parse_endpoint
from services.notifications.webhooks.model import BY_HAND, OVERLAP
from services.notifications.webhooks.store import (
    DeliveryRow,
    NewWebhook,
    Webhook,
    add_webhook,
    count_webhooks,
    delete_webhook,
    find_webhook,
    list_deliveries,
    list_webhooks,
    lock_webhook,
    rotate_secret,
    switch_off,
    switch_on,
)
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_id
from shared.security.audit_log import AuditRecord, add_audit_record
from shared.security.sealing import Vault

MAX_PER_PARTNER = 10


@dataclass(frozen=True, slots=True)
class WebhookService:
    """Use cases on webhooks.

    Attributes:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        vault: encrypts secrets.
    """

    work: UnitOfWork
    clock: Clock
    vault: Vault

    def add(self, who: str, partner: str, url: str) -> tuple[Webhook, str]:
        """Register a webhook; returns it with its secret, which is never shown again.

        Raises:
            DomainError: ``webhook-refused`` (the SSRF guard refuses the URL), ``already-exists``,
                ``too-many-webhooks``.
            Unavailable: the database is down; nothing is stored.
        """
        try:
            parse_endpoint(url)
        except ForbiddenAddress as refusal:
            raise DomainError("webhook-refused", str(refusal)) from None
        webhook_id, secret = new_id(), new_secret()
        with self.work.transaction() as connection:
            now = self.clock()
            self._make_room(connection, partner, url)
            new = NewWebhook(webhook_id, partner, url, self._closed(webhook_id, secret), who)
            add_webhook(connection, new, now)
            add_audit_record(
                connection, AuditRecord(who, "webhook-added", "webhook", webhook_id, {"partner": partner}), now
            )
            return _found(find_webhook(connection, webhook_id)), secret

    def rotate(self, who: str, webhook_id: str) -> str:
        """Replace the secret; returns the new one, which is never shown again. The previous one signs for another day.

        Raises:
            DomainError: ``not-found``.
            Unavailable: the database is down; nothing is changed.
        """
        secret = new_secret()
        with self.work.transaction() as connection:
            now = self.clock()
            found = _found(lock_webhook(connection, webhook_id))
            rotate_secret(connection, webhook_id, self._closed(webhook_id, secret), now + OVERLAP)
            self._record(connection, who, "webhook-secret-replaced", found)
        return secret

    def switch(self, who: str, webhook_id: str, on: bool) -> Webhook:
        """Switch a webhook on or off. The waiting deliveries of one that is switched off are cancelled.

        Raises:
            DomainError: ``not-found``.
            Unavailable: the database is down; nothing is changed.
        """
        with self.work.transaction() as connection:
            found = _found(lock_webhook(connection, webhook_id))
            if on and found.off_at is not None:
                switch_on(connection, webhook_id)
                self._record(connection, who, "webhook-switched-on", found)
            if not on and switch_off(connection, webhook_id, BY_HAND, self.clock()):
                self._record(connection, who, "webhook-switched-off", found)
            return _found(find_webhook(connection, webhook_id))

    def delete(self, who: str, webhook_id: str) -> None:
        """Delete a webhook with its secrets and deliveries.

        Raises:
            DomainError: ``not-found``.
            Unavailable: the database is down; it is still there.
        """
        with self.work.transaction() as connection:
            found = _found(lock_webhook(connection, webhook_id))
            delete_webhook(connection, webhook_id)
            self._record(connection, who, "webhook-deleted", found)

    def all(self) -> Sequence[Webhook]:
        """Return all webhooks, by partner."""
        with self.work.transaction() as connection:
            return list_webhooks(connection)

    def show(self, webhook_id: str) -> Webhook:
        """Return a webhook.

        Raises:
            DomainError: ``not-found``.
        """
        with self.work.transaction() as connection:
            return _found(find_webhook(connection, webhook_id))

    def deliveries(self, webhook_id: str, before: tuple[datetime, str] | None, limit: int) -> Sequence[DeliveryRow]:
        """Return the deliveries of a webhook, newest first.

        Raises:
            DomainError: ``not-found``.
        """
        with self.work.transaction() as connection:
            _found(find_webhook(connection, webhook_id))
            return list_deliveries(connection, webhook_id, before, limit)

    def _make_room(self, connection: Connection, partner: str, url: str) -> None:
        if any((known.partner, known.url) == (partner, url) for known in list_webhooks(connection)):
            raise DomainError("already-exists", "this partner already has a webhook with this URL")
        if count_webhooks(connection, partner) >= MAX_PER_PARTNER:
            raise DomainError("too-many-webhooks", f"a partner can have at most {MAX_PER_PARTNER} webhooks")

    def _closed(self, webhook_id: str, secret: str) -> bytes:
        return self.vault.close({"secret": secret}, row=webhook_id)

    def _record(self, connection: Connection, who: str, action: str, webhook: Webhook) -> None:
        detail = {"partner": webhook.partner}
        add_audit_record(connection, AuditRecord(who, action, "webhook", webhook.id, detail), self.clock())


def _found(webhook: Webhook | None) -> Webhook:
    if webhook is None:
        raise DomainError("not-found", "there is no such webhook")
    return webhook
