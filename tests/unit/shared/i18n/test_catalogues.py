"""Every catalogue: each language has every message, with the same placeholders, in every plural form."""

import re
import shutil
from pathlib import Path

import pytest
from babel.messages.catalog import Message

from deploy.translations import PROJECT, folders, read, update
from services.registration.forms.side_events import TITLES
from shared.i18n.catalogue import Catalogue
from shared.i18n.languages import LANGUAGES

PLACE = re.compile(r"\{(\w+)\}")
FOLDERS = folders()
NAMES = [str(folder.relative_to(PROJECT)) for folder in FOLDERS]


def messages(folder: Path, language: str) -> dict[str, Message]:
    """Without the header, by id."""
    found = (message for message in read(folder, language) if message.id)
    return {message.id if isinstance(message.id, str) else message.id[0]: message for message in found}


def forms(message: Message) -> list[str]:
    return list(message.string) if isinstance(message.string, tuple | list) else [str(message.string)]


def places(text: str) -> list[str]:
    return sorted(PLACE.findall(text))


def test_texts_outside_the_catalogues_are_in_each_language() -> None:
    """The title of a form for a side event, and the name of a form in ``troika.js``."""
    script = (PROJECT / "services/registration/embed/static/troika.js").read_text()
    words = re.search(r"const WORDS = \{(.*?)\};", script, re.DOTALL)
    assert words is not None
    assert set(TITLES.as_mapping) == set(re.findall(r"(\w+): \"", words[1])) == set(LANGUAGES)


def test_every_service_and_the_form_engine_has_catalogues() -> None:
    assert {
        "shared/i18n/translations",
        "shared/public_forms/translations",
        "services/registration/embed/translations",
    } <= set(NAMES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_every_language_has_every_message_with_the_same_places(folder: Path, language: str) -> None:
    english, found = messages(folder, "en"), messages(folder, language)
    assert list(found) == list(english), "make translations puts them in order"
    for message_id, message in found.items():
        assert not message.fuzzy, message_id
        assert isinstance(message.id, str) == isinstance(english[message_id].id, str), message_id
        *special, general = forms(message)
        assert places(general) == places(forms(english[message_id])[-1]), message_id
        assert all(set(places(form)) <= set(places(general)) for form in special), message_id
        assert all(form != "" for form in (*special, general)), message_id
    plurals = {len(forms(message)) for message in found.values() if not isinstance(message.id, str)}
    assert plurals <= {read(folder, language).num_plurals}


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_messages_are_translated(folder: Path, language: str) -> None:
    english, found = messages(folder, "en"), messages(folder, language)
    words = {key for key, text in english.items() if len(re.findall("[A-Za-z]", PLACE.sub("", forms(text)[-1]))) > 12}
    assert {key for key in words if forms(found[key]) == forms(english[key])} == set()


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_french_marks_are_set_off_by_a_narrow_space_at_which_no_line_breaks(folder: Path) -> None:
    texts = Catalogue(folder)
    single = [message_id for message_id, message in messages(folder, "fr").items() if isinstance(message.id, str)]
    for message_id in single:
        assert re.findall(r"[ \u00a0][:;!?»%]|«[ \u00a0]", texts.text(message_id, "fr")) == [], message_id


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A folder of catalogues to change."""
    return Path(shutil.copytree(PROJECT / "shared/i18n/translations", tmp_path / "translations"))


def _add(folder: Path, language: str, text: str) -> None:
    with (folder / f"{language}.po").open("a", encoding="utf-8") as file:
        file.write(text)


SECONDS = {
    "en": ("{count} second", "{count} seconds"),
    "ru": ("{count} секунда", "{count} секунды", "{count} секунд"),
    "fr": ("{count} seconde", "{count} secondes"),
}


def _add_seconds(folder: Path) -> None:
    for language, found in SECONDS.items():
        lines = "".join(f'msgstr[{number}] "{form}"\n' for number, form in enumerate(found))
        _add(folder, language, f'\nmsgid "seconds"\nmsgid_plural "seconds"\n{lines}')


@pytest.mark.parametrize(
    ("count", "language", "text"),
    [
        (1, "en", "1 second"),
        (2, "en", "2 seconds"),
        (1, "ru", "1 секунда"),
        (2, "ru", "2 секунды"),
        (5, "ru", "5 секунд"),
        (21, "ru", "21 секунда"),
        (112, "ru", "112 секунд"),
        (0, "fr", "0 seconde"),
        (2, "es", "2 seconds"),
    ],
)
def test_number_decides_the_form(sample: Path, count: int, language: str, text: str) -> None:
    """What Spanish lacks here is given in English."""
    _add_seconds(sample)
    assert Catalogue(sample).plural("seconds", count, language) == text


def test_forms_are_named_as_browsers_name_them(sample: Path) -> None:
    _add_seconds(sample)
    assert Catalogue(sample).plural_forms("seconds", "ru") == dict(
        zip(("one", "few", "many"), SECONDS["ru"], strict=True)
    )


def test_missing_text_falls_back_to_english_and_an_unknown_one_is_an_error(sample: Path) -> None:
    _add(sample, "en", '\nmsgid "added"\nmsgstr "one {x}"\n')
    texts = Catalogue(sample)
    assert (texts.text("added", "fr", x=1), texts.text("added", "de", x=2)) == ("one 1", "one 2")
    assert (texts.has("added"), texts.has("unknown")) == (True, False)
    with pytest.raises(KeyError):
        texts.text("unknown", "fr")
    with pytest.raises(KeyError):
        texts.plural("unknown", 2, "en")


def test_french_translators_may_type_an_ordinary_space(sample: Path) -> None:
    _add(sample, "en", '\nmsgid "added"\nmsgstr "x: y? << z >> 5 %"\n')
    _add(sample, "fr", """\nmsgid "added"\nmsgstr "x : y ? « z » 5 % https://a.b l'an"\n""")
    narrow = "\N{NARROW NO-BREAK SPACE}"
    expected = f"x{narrow}: y{narrow}? «{narrow}z{narrow}» 5{narrow}% https://a.b l’an"
    assert Catalogue(sample).text("added", "fr") == expected


def test_update_lists_what_is_to_be_translated_and_deletes_what_english_has_not(sample: Path) -> None:
    _add(sample, "en", '\nmsgid "added"\nmsgstr "new"\n')
    _add(sample, "ru", '\nmsgid "left over"\nmsgstr "old"\n')
    missing = update(sample)
    assert missing == {language: [] if language == "en" else ["added"] for language in LANGUAGES}
    assert list(messages(sample, "ru")) == list(messages(sample, "en"))
    assert update(sample) == missing


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_files_are_as_the_tool_writes_them(folder: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(folder, tmp_path / "translations"))
    update(copied)
    for file in sorted(folder.glob("*.po")):
        assert (copied / file.name).read_bytes() == file.read_bytes(), "make translations"
