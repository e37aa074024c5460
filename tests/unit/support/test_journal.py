"""The journal says what was asked and answered, also after its client died."""

from pathlib import Path

import pytest

from tests.support.clients import Answer
from tests.support.journal import Journal, read_journal

PATH = "/v1/forms/a-form/registrations"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


def ask(journal: Journal, key: str, status: int, identity: str = "") -> None:
    """One request with this answer."""
    body = {"id": identity} if identity else {}
    journal.ask(key, PATH, lambda: Answer(status, body, {}))


def test_accepted_refused_unanswered(journal: Journal) -> None:
    """A repetition answered with the same id is the same registration."""
    for key, status, identity in (
        ("one", 0, ""),
        ("one", 503, ""),
        ("one", 201, "id-1"),
        ("one", 201, "id-1"),
        ("two", 201, "id-2"),
        ("three", 503, ""),
    ):
        ask(journal, key, status, identity)
    record = journal.read()
    assert record.accepted_ids == ["id-1", "id-2"]
    assert record.refused == {503: 2}
    assert record.unanswered == ["one"]
    assert record.without_end == ["three"]
    assert record.contradictions == {}


def test_two_ids_for_one_key_are_a_contradiction(journal: Journal) -> None:
    ask(journal, "one", 201, "id-1")
    ask(journal, "one", 201, "id-2")
    assert journal.read().contradictions == {"one": ["id-1", "id-2"]}
    assert journal.read().accepted_ids == ["id-1", "id-2"]


def test_request_is_on_disk_before_it_leaves(journal: Journal) -> None:
    """A client that dies while it waits has left its question behind."""
    seen: list[list[str]] = []

    def send() -> Answer:
        seen.append(read_journal(journal.path).unanswered)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        journal.ask("one", PATH, send)
    assert seen == [["one"]]
    assert journal.read().unanswered == ["one"]


def test_torn_last_line_is_left_out_and_numbers_go_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    ask(Journal(path), "one", 201, "id-1")
    ask(Journal(path), "two", 201, "id-2")
    with path.open("a") as file:
        file.write('{"number": 3, "asked": "thr')
    record = read_journal(path)
    assert [one.number for one in record.tries] == [1, 2]
    assert record.accepted_ids == ["id-1", "id-2"]
