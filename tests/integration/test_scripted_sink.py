"""The scripted sink as a process: each verb refused, stalled and cut, and it keeps every mail that it accepted."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.notifications.sending.smtp import (
    HandoverUnknown,
    NotReached,
    RefusedByRelay,
    SmtpTransport,
    TransportError,
)
from tests.support.mail_script import Script, write_script
from tests.support.ports import free_port, is_listening
from tests.support.processes import ProcessGroup
from tests.support.run_folder import RunFolder
from tests.support.scripted_sink import copies
from tests.support.smtp_relay import QUICK, RECIPIENT, hand_over
from tests.support.waiting import poll_until

CONTENT = b"Message-ID: <one@example.org>\r\nSubject: x\r\n\r\nbody\r\n"
BEFORE_DOT = ("EHLO", "MAIL", "RCPT", "DATA")


@dataclass(frozen=True, slots=True)
class Sink:
    """A running sink."""

    transport: SmtpTransport
    folder: Path
    script: Path

    def set_rules(self, *rules: dict[str, Any]) -> None:
        """What happens from now on."""
        write_script(self.script, *rules)

    def outcome(self) -> type[TransportError] | None:
        """What becomes of one mail; None if it was handed over."""
        try:
            with self.transport.connect() as session:
                hand_over(session, CONTENT)
        except TransportError as error:
            return type(error)
        return None


@pytest.fixture(scope="module")
def running(run_folder: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    """One for all tests."""
    place, port, group = tmp_path_factory.mktemp("sink"), free_port(), ProcessGroup(run_folder)
    folder, script = place / "mails", place / "script.json"
    words = ["tests.support.scripted_sink", "--port", str(port), "--folder", str(folder), "--script", str(script)]
    group.start("sink", words)
    poll_until(lambda: is_listening(port), what="the sink takes connections")
    yield Sink(SmtpTransport(f"smtp://127.0.0.1:{port}", QUICK), folder, script)
    group.end()


@pytest.fixture
def sink(running: Sink) -> Sink:
    """Empty, with no script."""
    running.set_rules()
    for mail in running.folder.glob("*.eml"):
        mail.unlink()
    return running


def test_without_a_script_every_mail_is_kept_and_counted(sink: Sink) -> None:
    assert [sink.outcome(), sink.outcome()] == [None, None]
    assert copies(sink.folder) == Counter({"<one@example.org>": 2})


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize(("reply", "permanent"), [("451 4.3.0 later", False), ("550 5.1.1 never", True)])
def test_refusals(sink: Sink, verb: str, reply: str, permanent: bool) -> None:
    sink.set_rules({"verb": verb, "reply": reply})
    with sink.transport.connect() as session, pytest.raises(RefusedByRelay) as refusal:
        hand_over(session, CONTENT)
    assert (refusal.value.verb, refusal.value.permanent) == (verb, permanent)
    assert copies(sink.folder) == {}


@pytest.mark.parametrize("verb", BEFORE_DOT)
@pytest.mark.parametrize("fault", [{"cut": "before"}, {"cut": "after"}, {"stall_s": 3.0}], ids=str)
def test_before_the_dot_nothing_is_handed_over(sink: Sink, verb: str, fault: dict[str, Any]) -> None:
    """After the answer to DATA the content may be on its way already: then the sender cannot know."""
    sink.set_rules({"verb": verb, **fault})
    late = (verb, fault) == ("DATA", {"cut": "after"})
    assert sink.outcome() in ((NotReached, HandoverUnknown) if late else (NotReached,))
    assert copies(sink.folder) == {}


def test_cut_before_the_answer_to_the_dot_stores_nothing_and_leaves_the_outcome_unknown(sink: Sink) -> None:
    sink.set_rules({"verb": "DOT", "cut": "before"})
    assert sink.outcome() is HandoverUnknown
    assert copies(sink.folder) == {}


def test_cut_after_the_answer_to_the_dot_stores_the_mail_and_the_outcome_is_known(sink: Sink) -> None:
    sink.set_rules({"verb": "DOT", "cut": "after"})
    assert sink.outcome() is None
    assert copies(sink.folder) == {"<one@example.org>": 1}


def test_stall_at_the_dot_stores_the_mail_and_leaves_the_outcome_unknown(sink: Sink) -> None:
    """The same mail comes again, as it does from a sender that has to try again."""
    sink.set_rules({"verb": "DOT", "stall_s": 60, "times": 1})
    began_s = time.monotonic()
    assert sink.outcome() is HandoverUnknown
    assert time.monotonic() - began_s < 60
    assert sink.outcome() is None
    assert copies(sink.folder) == {"<one@example.org>": 2}


@pytest.mark.parametrize(
    "fault", [{"cut": "before"}, {"cut": "after"}, {"stall_s": 3.0}, {"reply": "421 bye"}], ids=str
)
def test_trouble_at_quit_changes_nothing(sink: Sink, fault: dict[str, Any]) -> None:
    sink.set_rules({"verb": "QUIT", **fault})
    assert sink.outcome() is None
    assert copies(sink.folder) == {"<one@example.org>": 1}


def test_rule_for_one_recipient_and_for_some_times_only(sink: Sink) -> None:
    sink.set_rules({"verb": "RCPT", "recipient": "somebody-else@example.org", "reply": "550 no"})
    assert sink.outcome() is None
    sink.set_rules({"verb": "DATA", "recipient": RECIPIENT, "reply": "451 later", "times": 2})
    assert [sink.outcome() for _ in range(3)] == [RefusedByRelay, RefusedByRelay, None]
    sink.set_rules()
    assert sink.outcome() is None


def test_unknown_words_are_the_tests_fault(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such verb"):
        write_script(tmp_path / "script.json", {"verb": "HELP"})
    assert Script(tmp_path / "script.json").rule_for("EHLO", []) is None
