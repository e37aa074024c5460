"""The journal records requests and answers, even if its client is killed."""

from pathlib import Path

import pytest

from services.registration.intake.service import receipt_hash
from tests.support.clients import Answer
from tests.support.journal import Journal, read_journal

PATH = "/v1/forms/a-form/submissions"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


def ask(journal: Journal, key: str, status: int, receipt: str = "") -> None:
    """One request with this answer."""
    body = {"receipt": receipt} if receipt else {}
    journal.ask(key, PATH, lambda: Answer(status, body, {}))


def hashes(*receipts: str) -> list[str]:
    """As the database keeps them."""
    return [receipt_hash(receipt).hex() for receipt in receipts]


def test_accepted_refused_unanswered(journal: Journal) -> None:
    """A repetition answered with the same receipt is the same submission."""
    for key, status, receipt in (
        ("one", 0, ""),
        ("one", 503, ""),
        ("one", 202, "receipt-1"),
        ("one", 202, "receipt-1"),
        ("two", 202, "receipt-2"),
        ("three", 503, ""),
    ):
        ask(journal, key, status, receipt)
    record = journal.read()
    assert record.receipts == hashes("receipt-1", "receipt-2")
    assert record.refused == {503: 2}
    assert record.unanswered == ["one"]
    assert record.without_end == ["three"]
    assert record.contradictions == {}


def test_two_receipts_for_one_key_are_a_contradiction(journal: Journal) -> None:
    ask(journal, "one", 202, "receipt-1")
    ask(journal, "one", 202, "receipt-2")
    assert journal.read().contradictions == {"one": hashes("receipt-1", "receipt-2")}
    assert journal.read().receipts == hashes("receipt-1", "receipt-2")


def test_receipt_itself_is_not_written_down(journal: Journal) -> None:
    ask(journal, "one", 202, "receipt-1")
    assert "receipt-1" not in journal.path.read_text()


def test_request_is_on_disk_before_it_leaves(journal: Journal) -> None:
    """A client that is killed while it waits has left its request behind."""
    seen: list[list[str]] = []

    def send() -> Answer:
        seen.append(read_journal(journal.path).unanswered)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        journal.ask("one", PATH, send)
    assert seen == [["one"]]
    assert journal.read().unanswered == ["one"]


def test_torn_last_line_is_left_out_and_numbers_continue(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    ask(Journal(path), "one", 202, "receipt-1")
    ask(Journal(path), "two", 202, "receipt-2")
    with path.open("a") as file:
        file.write('{"number": 3, "asked": "thr')
    record = read_journal(path)
    assert [one.number for one in record.tries] == [1, 2]
    assert record.receipts == hashes("receipt-1", "receipt-2")
