"""Reads one text of a definition: a plain string, texts by language, or the name of a known translation."""

from collections.abc import Mapping

from shared.i18n.languages import LANGUAGES
from shared.public_forms.fields import Text
from shared.public_forms.texts import engine_texts

LONGEST_TEXT = 4000


def read_text(raw: object, where: str, problems: list[str], *, required: bool = False) -> Text:
    """A text from a string, a mapping of languages, or ``{key: …}`` for the project's own translations.

    Args:
        where: the place in the definition, for the problems that are added to ``problems``.
    """
    if isinstance(raw, Mapping) and set(raw) == {"key"}:
        return _known_text(raw["key"], where, problems)
    texts = {"": raw} if isinstance(raw, str) else raw
    if not texts or texts == {"": ""}:
        if required:
            problems.append(f"{where}: a text is needed")
        return Text()
    if not isinstance(texts, Mapping) or not all(_is_text(value) for value in texts.values()):
        problems.append(f"{where}: must be a text, or texts by language, at most {LONGEST_TEXT} characters")
        return Text()
    problems.extend(f"{where}: unknown language {code!r}" for code in texts if code not in ("", *LANGUAGES))
    return Text(tuple(sorted((str(code), text) for code, text in texts.items())))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT


def _known_text(key: object, where: str, problems: list[str]) -> Text:
    """The project's translations of ``key``."""
    texts = engine_texts()
    if not texts.has(str(key)):
        problems.append(f"{where}: no translation is called {key!r}")
        return Text()
    return Text(tuple((language, texts.text(str(key), language)) for language in sorted(LANGUAGES)))
