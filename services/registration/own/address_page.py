"""The page that requests a change of address, and the page that undoes one, as HTML."""

from dataclasses import dataclass
from typing import Literal

from services.registration.embed.event_time import EventTime
from services.registration.embed.pages import Look
from services.registration.embed.receipt_pages import next_reload
from services.registration.own.rendering import own_text, render_own
from shared.i18n.content import Title
from shared.public_forms.texts import engine_texts

AddressRefusal = Literal["", "same-address", "asked-too-often"]
AddressError = Literal["", "invalid", "same-address"]
UndoState = Literal["offered", "processing", "address-restored", "registered-there", "address-full", "gone"]


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """The address of a registration, on its own page.

    Attributes:
        email: the address that mails go to.
        change_path: of the page that requests a change of address; ``""`` for a cancelled registration.
        asked: requested address that is not confirmed yet; ``""`` for none.
        code: of that request; both pages show it.
        refused: why the last request was refused; ``""`` if it was not.
    """

    email: str
    change_path: str
    asked: str = ""
    code: str = ""
    refused: AddressRefusal = ""


@dataclass(frozen=True, slots=True)
class AddressPage:
    """The form that requests a change of address.

    Attributes:
        path: of this page.
        back_path: of the own page.
        address: the current address.
        typed: the submitted value, if it is invalid.
        error: why it is invalid.
    """

    look: Look
    title: Title
    event_time: EventTime | None
    path: str
    back_path: str
    address: str
    typed: str = ""
    error: AddressError = ""


@dataclass(frozen=True, slots=True)
class UndoPage:
    """The page of an undo link.

    Attributes:
        state: whether the change can be undone, or the outcome of the undo.
        until: when it ends, with ``offered``.
        no_choice: a POST came without the box ticked.
        attempt: how often the page has loaded itself again.
    """

    look: Look
    title: Title
    event_time: EventTime | None
    path: str
    state: UndoState
    until: EventTime | None = None
    no_choice: bool = False
    attempt: int = 0


def render_address(page: AddressPage) -> str:
    """Return the page that asks for another address."""
    language = page.look.language
    prefix = engine_texts().text("error.prefix", language)
    return render_own(
        "address.html", page.look, page=page, title=own_text("address.change", language), error_prefix=prefix
    )


def render_undo(page: UndoPage) -> str:
    """Return the page behind an undo link."""
    language = page.look.language
    return render_own(
        "undo.html",
        page.look,
        page=page,
        title=own_text("undo.title", language),
        reload=next_reload(language, page.attempt) if page.state == "processing" else None,
        error_prefix=engine_texts().text("error.prefix", language),
    )


def render_undo_gone(look: Look) -> str:
    """The answer to an undo link that takes nothing back; the same for every such link."""
    return render_own("undo_gone.html", look, title=own_text("link.gone.title", look.language))
