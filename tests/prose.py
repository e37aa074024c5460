"""``make prose``: what a writer reads again before a release. It judges words, so it is a command and no test.

It prints names and texts with words to avoid, English sentences that promise something and are new or changed since
``SINCE``, and how many pictures of documents are older than the newest change of a page. It ends with 1 if there are
words to avoid; the others are for reading and looking: each promise has a test or is no promise.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from deploy.translations import folders, read
from tests.architecture.sources import CODE, nodes, python_files, text_of, tracked_files, words_of
from tests.support.processes import PROJECT

NAMES = {
    "bite": "batch",
    "book": "recipients",
    "deed": "action, audit record",
    "deeds": "audit log",
    "door": "admission control",
    "crowded": "load shedding",
    "grave": "tombstone",
    "hear": "consume",
    "heard": "consumed",
    "hearer": "consumer",
    "hears": "consumes",
    "household": "client network",
    "looking": "read",
    "looks": "theme, page style",
    "moment": "datetime, instant, snapshot",
    "moments": "datetimes",
    "patience": "timeout",
    "reclosing": "re-encrypting",
    "rekeying": "key rotation",
    "said": "published",
    "say": "publish",
    "says": "publishes",
    "scenes": "screenshot pages",
    "settlement": "acknowledgement",
    "settler": "acknowledger",
    "standing": "state",
    "told": "published, notified",
    "town": "installation",
    "trail": "audit log",
    "trapped": "honeypot",
    "turn": "run once, tick",
    "unasked": "quota",
    "verdict": "outcome",
    "verdicts": "outcomes",
    "cross_site": "CSRF",
    "keep_house": "cleanup",
    "go_round": "run once",
    "out_of_doors": "public",
    "last_words": "graceful shutdown",
    "side_tools": "context",
}
"""Words that name something by a picture, each with the term to use; the reason is in CONTRIBUTING.md."""

USED = {"out_of_turn": "what a waiting list calls it"}
"""Names that may use such a word, each with its reason."""

TEXTS = {
    "whoever": "who, anyone who",
    "nobody": "no one",
    "somebody": "someone",
    "everybody": "everyone",
    "anew": "again",
    "meanwhile": "until then",
}
"""Words that documents, pages and mails do without."""

PROMISING = re.compile(
    r"\b(will|we (?:send|are sending|write|delete|store|tell|set|never)|never|as soon as|later|again|until|goes to|"
    r"\d+ days|eight days|encrypted|no cookies|only|stops|still|deleted|at any time|counts|can write to you)\b",
    re.IGNORECASE,
)
"""Words by which a sentence commits us to something, or could."""

PICTURE = re.compile(r"\]\(([^)\s]+\.(?:png|webp))\)")
SHOWN = ("services/", "shared/console/", "shared/http/", "shared/public_forms/")
SHOWN_FILES = {".css", ".html", ".po"}


def names_to_change() -> Iterator[str]:
    """Modules, classes and functions with a word to avoid, each with the term to use."""
    for path in python_files(*CODE, "tests"):
        found = [(str(path), part) for part in path.with_suffix("").parts]
        for node in nodes(path):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found.append((f"{path}:{node.lineno}: {node.name}", node.name))
        for place, name in found:
            joined = "_".join(words_of(name))
            for word, term in NAMES.items():
                if f"_{word}_" in f"_{joined}_" and name not in USED:
                    yield f"{place}: {word} (write: {term})"


def texts_to_change() -> Iterator[str]:
    """Lines of documents, templates and English texts with a word to avoid."""
    avoided = re.compile(rf"(?<![`\"])\b({'|'.join(TEXTS)})\b(?![`\"])", re.IGNORECASE)
    for path in tracked_files():
        if path.suffix in {".md", ".html"} or path.name == "en.po":
            for number, line in enumerate(text_of(PROJECT / path).splitlines(), start=1):
                if found := avoided.search(line):
                    yield f"{path}:{number}: {found[0]} (write: {TEXTS[found[0].lower()]})"


def promises(since: str) -> Iterator[str]:
    """English sentences that promise something and are not in the catalogues of the commit ``since``."""
    for folder in folders():
        path = folder.relative_to(PROJECT) / "en.po"
        before = _git("show", f"{since}:{path}", check=False)
        for message in read(folder, "en"):
            text = str(message.string)
            if isinstance(message.id, str) and message.id and PROMISING.search(text) and _quoted(text) not in before:
                yield f"{path}: {message.id}: {text}"


def _quoted(text: str) -> str:
    """The first line of a text as catalogues hold it, long enough to be found in one."""
    return text.replace('"', r"\"").split("\n")[0][:60]


def old_pictures() -> list[str]:
    """Pictures that documents show, and that were taken before the newest change of a page, style or text."""
    old = []
    newest = _date(*(str(path) for path in tracked_files() if _is_shown(path)))
    for path in tracked_files():
        if path.suffix == ".md":
            for found in PICTURE.findall(text_of(PROJECT / path)):
                picture = (PROJECT / path).parent.joinpath(found).resolve().relative_to(PROJECT)
                old += [str(picture)] if _date(str(picture)) < newest else []
    return old


def _is_shown(path: Path) -> bool:
    return str(path).startswith(SHOWN) and path.suffix in SHOWN_FILES


def _date(*paths: str) -> str:
    """When the newest of these files was last committed, ISO 8601 in UTC."""
    return _git("log", "-1", "--date=format-local:%Y-%m-%dT%H:%M:%S", "--format=%cd", "--", *paths).strip()


def _git(*words: str, check: bool = True) -> str:
    done = subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, text=True, check=check)
    return done.stdout


@click.command()
@click.option("--since", default="HEAD~50", show_default=True, help="Commit from which new promises are shown.")
def main(since: str) -> None:
    """Print what a writer reads again."""
    wrong = [*names_to_change(), *texts_to_change()]
    for line in wrong:
        click.echo(line)
    if old := old_pictures():
        click.echo(f"{len(old)} pictures are older than the newest change of a page, the first {old[0]}")
    for line in promises(since):
        click.echo(f"promises: {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
