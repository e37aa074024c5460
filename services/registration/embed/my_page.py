"""The page *my registrations*: somebody types their address, and gets a mail if it is registered.

What it says never depends on the address.
"""

from dataclasses import dataclass
from typing import Literal

from services.registration.embed.pages import Look, render_page
from services.registration.embed.strings import page_texts
from shared.public_forms.texts import engine_texts

MY_PATH = "/my"

MyNotice = Literal["", "address", "busy"]


@dataclass(frozen=True, slots=True)
class MyPage:
    """The form, or what follows once it is sent.

    Attributes:
        sent: the form was sent.
        address: as it was typed, if it has to be sent again.
        notice: why it was not stored: ``address``: it is none; ``busy``: nothing can be stored now.
    """

    look: Look
    sent: bool = False
    address: str = ""
    notice: MyNotice = ""


def my_path(language: str) -> str:
    """The path of the page in a language."""
    return f"{MY_PATH}?lang={language}"


def render_my(page: MyPage) -> str:
    """The page as HTML."""
    title = page_texts().text("my.title", page.look.language)
    here = f"{MY_PATH}?sent=1" if page.sent else MY_PATH
    prefix = engine_texts().text("error.prefix", page.look.language)
    return render_page("my.html", page.look, here, page=page, title=title, error_prefix=prefix)
