"""Private keys of forms: destroyed, replaced, wrapped anew, while a process holds them."""

from pathlib import Path

import pytest

from services.registration.sealing.form_keys import FormKeys, KeyGone
from shared.core.sealing import new_key

FORM = "a-form"
OLD, NEW = new_key(), new_key()


@pytest.fixture
def keys(tmp_path: Path) -> FormKeys:
    """Of a process that has made and used the key of one form."""
    made = FormKeys(tmp_path, [OLD])
    made.folder.make(FORM)
    made.private_keys(FORM)
    return made


def test_key_is_unwrapped_once_while_its_file_is_the_same(keys: FormKeys) -> None:
    assert keys.private_keys(FORM) is keys.private_keys(FORM)


def test_destroyed_key_is_forgotten_at_once(keys: FormKeys, tmp_path: Path) -> None:
    FormKeys(tmp_path, [OLD]).folder.destroy(FORM, "today")
    for _ in range(2):
        with pytest.raises(KeyGone):
            keys.private_keys(FORM)


def test_form_without_key_has_none(keys: FormKeys) -> None:
    with pytest.raises(KeyGone):
        keys.private_keys("another-form")


def test_key_that_is_there_is_not_made_again(keys: FormKeys) -> None:
    before = list(keys.private_keys(FORM))
    keys.folder.make(FORM)
    assert keys.private_keys(FORM) == before


def test_replaced_key_is_taken_up_at_once(keys: FormKeys, tmp_path: Path) -> None:
    [old] = keys.private_keys(FORM)
    other = FormKeys(tmp_path, [OLD]).folder
    both = other.begin_replacement(FORM)
    assert (keys.private_keys(FORM), both[1], other.begin_replacement(FORM)) == (both, old, both)
    other.end_replacement(FORM, [NEW, *both])
    assert keys.private_keys(FORM) == both
    other.end_replacement(FORM, both)
    assert keys.private_keys(FORM) == both[:1]


def test_key_overwritten_in_place_is_read_again(keys: FormKeys, tmp_path: Path) -> None:
    """The same inode and size: the time of the change tells."""
    (tmp_path / "other").mkdir()
    other = FormKeys(tmp_path / "other", [OLD])
    other.folder.make(FORM)
    (tmp_path / "a-form.key").write_bytes((tmp_path / "other" / "a-form.key").read_bytes())
    assert keys.private_keys(FORM) == other.private_keys(FORM)


def test_new_master_key_wraps_and_old_one_still_unwraps(keys: FormKeys, tmp_path: Path) -> None:
    """Newest first: a process with both unwraps what either wrapped; one with the new alone only what it wraps."""
    both = FormKeys(tmp_path, [NEW, OLD])
    assert both.private_keys(FORM) == keys.private_keys(FORM)
    both.folder.make("new-form")
    new = FormKeys(tmp_path, [NEW])
    assert len(new.private_keys("new-form")) == 1
    with pytest.raises(KeyGone):
        new.private_keys(FORM)


def test_key_of_another_form_under_this_name_is_not_unwrapped(keys: FormKeys, tmp_path: Path) -> None:
    keys.folder.make("another-form")
    (tmp_path / "another-form.key").replace(tmp_path / "a-form.key")
    with pytest.raises(KeyGone):
        keys.private_keys(FORM)


def test_private_key_stands_in_the_folder_wrapped_alone(keys: FormKeys, tmp_path: Path) -> None:
    [key] = keys.private_keys(FORM)
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert (key in stored, key.hex().encode() in stored, len(stored) > len(key)) == (False, False, True)
