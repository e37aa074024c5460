"""``make translations``: every language gets the messages of the English file, in its order; what is left to
translate is listed. English is the source: a message that it lacks is deleted, a new one is empty in the others, and
one whose placeholders have changed is left for the translator to see in the test.
"""

import sys
from io import BytesIO
from pathlib import Path

from babel.messages import Catalog
from babel.messages.pofile import read_po, write_po

from shared.i18n.languages import LANGUAGES, locale_of

PROJECT = Path(__file__).parents[1]
FOLDER = "translations"
_HEADER = """msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plural}\\n"

"""
_WIDTH = 110


def folders(project: Path = PROJECT) -> list[Path]:
    """Return every folder of catalogues in the project."""
    return sorted(path for top in ("shared", "services") for path in (project / top).rglob(FOLDER) if path.is_dir())


def read(folder: Path, language: str) -> Catalog:
    """Return the catalogue of a language.

    Raises:
        OSError: there is no such file.
        babel.messages.pofile.PoFileError: it is not a ``.po`` file.
    """
    with (folder / f"{language}.po").open("rb") as file:
        return read_po(file, locale=locale_of(language), abort_invalid=True)


def written(catalog: Catalog, language: str) -> bytes:
    """Return a catalogue as a file with a header that does not change from day to day."""
    content = BytesIO()
    write_po(content, catalog, width=_WIDTH, omit_header=True, ignore_obsolete=True)
    return _HEADER.format(language=language, plural=catalog.plural_forms).encode() + content.getvalue()


def update(folder: Path) -> dict[str, list[str]]:
    """Rewrite the files of a folder after the English one; return ids without a text by language."""
    missing, template = {}, _template(read(folder, LANGUAGES[0]))
    for language in LANGUAGES:
        catalog = read(folder, language)
        if language != LANGUAGES[0]:
            catalog.update(template, no_fuzzy_matching=True)
        (folder / f"{language}.po").write_bytes(written(catalog, language))
        missing[language] = [str(message.id) for message in catalog if message.id and not _has_text(message.string)]
    return missing


def _template(catalog: Catalog) -> Catalog:
    """The messages of a catalogue without their texts."""
    for message in catalog:
        message.string = ("", "") if message.pluralizable else ""
    return catalog


def _has_text(string: object) -> bool:
    return all(string) if isinstance(string, tuple) else bool(string)


def main() -> int:
    """Update all folders; 1 if a language lacks a text."""
    lacking = 0
    for folder in folders():
        for language, ids in update(folder).items():
            lacking += len(ids)
            for message_id in ids:
                print(f"{folder.relative_to(PROJECT)}/{language}.po: {message_id}")
    print(f"{lacking} texts are missing")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
