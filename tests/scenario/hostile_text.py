"""Hostile text that someone may type into a form, and its places in the scenario."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from deploy.local.installation import SAMPLE

PLACEHOLDERS = "{{7*7}} {{config}} {config} {0} {title} %s %(name)s ${7*7} <%= 7*7 %>"
"""What templates and formatting would fill in, in the words of several."""

JOIN = "https://meet.example.org/hostile"
FORM_TITLE = f"<script>alert(1)</script> {PLACEHOLDERS}"

TEXTS = (
    "Eve\r\nBcc: other@example.org",
    "Eve\r\n\r\n<b>a body</b>",
    "Eve\nX-Injected: yes",
    "Eve\rX-Injected: yes",
    "Eve\u2028X-Injected: yes",
    "Eve\u2029X-Injected: yes",
    "Eve\x85X-Injected: yes",
    "Eve\x0bX-Injected: yes\x0cX-Injected: yes",
    "Eve\x00\x1b[2J",
    "=?utf-8?q?Eve=0D=0ABcc:_other=40example.org?=",
    "--=_x\nContent-Type: text/html\n\n<b>a part</b>",
    'Eve" <other@example.org>, x',
    "Eve;CN=x:mailto:other@example.org",
    "Eve\nEND:VEVENT\nBEGIN:VEVENT",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)' x='",
    "</style></title><h1>Eve</h1><!--",
    "<a href='https://evil.example/a'>Eve</a>",
    "javascript:alert(1)//",
    "data:text/html;base64,PGI+RXZlPC9iPg==",
    "https://127.0.0.1:8000@evil.example/r/",
    "http://register.example.org.evil.example/",
    "https://xn--80ak6aa92e.example/",
    "https://\u0435x\u0430mple.org/r/",
    "www.evil.example and evil.example/x",
    "evil\uff0eexample and evil\u3002example",
    "ev\u200bil.exa\u00admple",
    "http://192.168.10.1/",
    "\u202egnp.live",
    "\u2066Eve\u2069 \u200f",
    "\U0001f600 \U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001d518",
    "W" * 60,
    "1" * 60,
    PLACEHOLDERS,
)


def marked(slot: str, number: int) -> str:
    """The text with this number, after a word that names where it was put: ``Name07 <script>…``."""
    return f"{slot}{number:02} {TEXTS[number]}"


def packed(slot: str, most: int) -> list[str]:
    """Every text that a database can hold, as few lines as fit, of at most ``most`` characters."""
    packs = [""]
    for text in (marked(slot, number) for number in range(len(TEXTS))):
        if "\x00" in text:
            continue
        if len(packs[-1]) + len(text) >= most:
            packs.append("")
        packs[-1] = f"{packs[-1]} {text}".strip()
    return packs


def words_of_event(number: int) -> dict[str, str]:
    """Words for every field of an event that people are shown; others for each number."""
    packs = {name: packed(slot, 199) for name, slot in (("title", "Title"), ("place", "Place"), ("city", "City"))}
    shown = {name: texts[number % len(texts)] for name, texts in packs.items()}
    return shown | {"summary": packed("About", 1900)[0], "mode": "hybrid", "join_url": JOIN}


def make_sample(folder: Path) -> Path:
    """A copy of the sample in which events, groups, rooms and forms have such names."""
    folder.mkdir()
    for file in SAMPLE.glob("*.yaml"):
        (folder / file.name).write_text(file.read_text())
    events = yaml.safe_load((SAMPLE / "events.yaml").read_text())
    for event in events[:1] + events[2:4]:
        event.update(words_of_event(0))
    (folder / "events.yaml").write_text(yaml.safe_dump(events))
    groups = yaml.safe_load((SAMPLE / "working-groups.yaml").read_text())
    _rename(folder / "working-groups.yaml", groups, packed("Group", 200), groups)
    rooms = yaml.safe_load((SAMPLE / "rooms.yaml").read_text())
    _rename(folder / "rooms.yaml", rooms["rooms"], packed("Room", 200), rooms)
    forms = yaml.safe_load((SAMPLE / "forms.yaml").read_text())
    _rename(folder / "forms.yaml", forms, [FORM_TITLE], forms)
    return folder


def _rename(file: Path, rows: list[dict[str, Any]], names: Sequence[str], whole: object) -> None:
    for number, row in enumerate(rows):
        row["title"] = names[number % len(names)]
    file.write_text(yaml.safe_dump(whole))
