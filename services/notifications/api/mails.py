"""Mails for coordinators and operators: what went to whom by reference, what waits, and why."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from werkzeug.exceptions import BadRequest

from services.notifications.api.schemas import MailHistorySchema, MailListSchema, MailQuery
from services.notifications.usecases.look_up import look_up_mail, look_up_mails
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs
from shared.web.operations import Blueprint
from shared.web.paging import from_cursor, page_of

READERS = ("viewer", "coordinator", "operator")
FILTERS = ("kind", "state", "event")


def mails_blueprint(work: UnitOfWork) -> Any:
    """Routes below ``/v1/mails``."""
    blueprint = Blueprint("mails", __name__, url_prefix="/v1/mails", description="Mails: what went, what waits, why")

    @blueprint.get("")
    @blueprint.arguments(MailQuery, location="query")
    @blueprint.response(200, MailListSchema)
    @needs(*READERS)
    def list_them(query: dict[str, Any]) -> dict[str, Any]:
        """Mails, newest first."""
        wanted = {name: query[name] for name in FILTERS if query[name]} | _after(query["cursor"]) | _allowed()
        page = page_of(look_up_mails(work, wanted, query["limit"]), query["limit"], lambda mail: [mail.id])
        return {"items": [asdict(mail) for mail in page.items], "next": page.next}

    @blueprint.get("/<uuid:mail_id>")
    @blueprint.response(200, MailHistorySchema)
    @needs(*READERS)
    def show(mail_id: UUID) -> dict[str, Any]:
        """One mail with all attempts to send it."""
        found = look_up_mail(work, {"id": str(mail_id)} | _allowed())
        return asdict(found.mail) | {"history": [asdict(attempt) for attempt in found.attempts]}

    return blueprint


def _after(cursor: str) -> dict[str, Any]:
    key = from_cursor(cursor, 1)
    if key is None:
        return {}
    try:
        return {"before": str(UUID(key[0]))}
    except ValueError:
        raise BadRequest("unknown cursor") from None


def _allowed() -> dict[str, Any]:
    """A key that is limited to some forms finds only their mails."""
    forms = holder().forms
    return {} if forms is None else {"forms": sorted(forms)}
