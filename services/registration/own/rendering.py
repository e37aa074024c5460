"""Templates and texts of the pages behind links; texts and parts that all public pages have come from ``embed``."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader

from services.registration.embed.pages import Look, make_environment, render_page
from services.registration.embed.strings import page_texts
from shared.i18n.catalogue import Catalogue

TEXTS = Catalogue(Path(__file__).parent / "translations")


def own_text(key: str, language: str, **places: object) -> str:
    """Return a text of these pages, or one that all pages have. Raises as ``Catalogue.text``."""
    return (TEXTS if TEXTS.has(key) else page_texts()).text(key, language, **places)


def _isolated(text: str) -> str:
    """Return user input wrapped in Unicode isolates: its direction does not affect the text around it (UAX 9)."""
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"


def kind_key(key: str, form_kind: str) -> str:
    """Return the key of the text that is true for a kind of form: its own where there is one, else ``key``."""
    own = f"{key}.{form_kind}"
    return own if TEXTS.has(own) or page_texts().has(own) else key


def render_own(template: str, look: Look, path: str = "?", *, form_kind: str = "", **values: Any) -> str:
    """Return a page of these templates; see :func:`render_page`. ``path`` holds no token.

    With ``form_kind`` every text is that of this kind of form, where it has one of its own.
    """

    def text_of(key: str, language: str, **places: object) -> str:
        return own_text(kind_key(key, form_kind), language, **places)

    return render_page(template, look, path, environment=_environment, text_of=text_of, **values)


@cache
def _environment() -> Environment:
    packages = ("services.registration.own", "services.registration.embed")
    made = make_environment(ChoiceLoader([PackageLoader(package) for package in packages]))
    made.globals.update(isolated=_isolated, kind_key=kind_key)
    return made
