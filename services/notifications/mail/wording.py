"""The sentences of the mails: one YAML file per language, complete or refused. Placeholders as in ``str.format``."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml

from services.notifications.mail.content import TEXTS

LANGUAGES = ("en", "fr", "es", "ar", "ru", "zh")
"""The six official languages of the United Nations."""

FALLBACK = "en"


@dataclass(frozen=True, slots=True)
class Wording:
    """One language. The first three hold one text by name of ``TEXTS``; the others are labels and single sentences."""

    subject: Mapping[str, str]
    heading: Mapping[str, str]
    lead: Mapping[str, str]
    language: str
    direction: Literal["ltr", "rtl"]
    greeting: str
    greeting_named: str
    position: str
    calendar_attached: str
    calendar_moved: str
    calendar_updated: str
    calendar_removed: str
    calendar_kept: str
    date_open: str
    tentative: str
    called_off: str
    when: str
    where: str
    online: str
    join: str
    your_time: str
    open_link: str
    see_link: str
    keep_private: str
    why: str
    questions: str
    attend: str
    attend_link: str
    before: str
    note: str
    verify_link: str
    see_proposal: str
    watch: str
    keep_private_proposal: str
    why_form: str
    why_bulletin: str
    unsubscribe: str
    unsubscribe_title: str
    unsubscribe_question: str
    unsubscribe_button: str
    unsubscribe_done_title: str
    unsubscribe_done: str
    unsubscribe_gone_title: str
    unsubscribe_gone: str


def language_for(tag: str) -> str:
    """The language of ours that serves a BCP 47 ``tag`` (``es-MX`` → ``es``); English if there is none."""
    primary = tag.replace("_", "-").split("-")[0].lower()
    return primary if primary in LANGUAGES else FALLBACK


@cache
def wording(language: str) -> Wording:
    """The sentences of one of :data:`LANGUAGES`.

    Raises:
        ValueError: the file of the language lacks a text or has one too many.
    """
    text = files("services.notifications.mail").joinpath("languages", f"{language}.yaml").read_text("utf-8")
    values = {"language": language, **yaml.safe_load(text)}
    wrong = values.keys() ^ {field.name for field in fields(Wording)}
    for group in ("subject", "heading", "lead"):
        wrong |= {f"{group}.{kind}" for kind in values.get(group, {}).keys() ^ set(TEXTS)}
    if wrong:
        raise ValueError(f"{language}.yaml: missing or unknown: {', '.join(sorted(wrong))}")
    return Wording(**values)
