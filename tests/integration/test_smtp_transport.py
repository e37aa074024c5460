"""The handover to a scripted relay: every verb refused, stalled and cut has its outcome."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from json import load
from pathlib import Path

import pytest

from services.notifications.composing.mime import UnusableAddress
from services.notifications.composing.rendering import render
from services.notifications.sending.smtp import HandoverUnknown, NotReached, RefusedByRelay, SmtpTransport
from services.notifications.telemetry import smtp_phase_seconds
from tests.support.mail_samples import sample
from tests.support.smtp_relay import CONTENT, CUT, QUICK, RECIPIENT, REPLIES, SENDER, STALL, Relay, hand_over, transport


def test_mail_arrives_whole_and_the_reply_is_returned() -> None:
    with Relay({}) as relay:
        with transport(relay).connect() as session:
            assert hand_over(session) == "2.0.0 queued as A1"
        assert relay.mails == [CONTENT]
        dialogue = [line.lower() for line in relay.commands[1:]]
        assert dialogue == [f"mail from:<{SENDER}>", f"rcpt to:<{RECIPIENT}>", "data", "quit"]


def test_nothing_is_sent_between_begin_and_deliver() -> None:
    with Relay({}) as relay, transport(relay).connect() as session:
        session.begin(SENDER, RECIPIENT)
        assert relay.mails == []
        assert relay.commands[-1].lower() == f"rcpt to:<{RECIPIENT}>"
        session.deliver(CONTENT)


def test_several_mails_share_a_connection_with_rset_between() -> None:
    with Relay({}) as relay:
        with transport(relay).connect() as session:
            for number in range(3):
                hand_over(session, b"Subject: %d\r\n\r\n" % number)
        assert relay.connections == 1
        assert [line for line in relay.commands if line == "rset"] == ["rset", "rset"]
        assert relay.mails == [b"Subject: 0\r\n\r\n", b"Subject: 1\r\n\r\n", b"Subject: 2\r\n\r\n"]


@pytest.mark.parametrize("content", [b"a\n.\nb\n", b"a\r.\rb\r", b"a\r\n.\r\nb\r\n", b"a\n.\r\nb", b".\n"])
def test_no_line_of_the_content_ends_the_mail(content: bytes) -> None:
    with Relay({}) as relay:
        with transport(relay).connect() as session:
            hand_over(session, content)
            hand_over(session, b"second\r\n")
        whole = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
        assert relay.mails == [whole if whole.endswith(b"\r\n") else whole + b"\r\n", b"second\r\n"]


@pytest.mark.parametrize("code", [421, 450, 550])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "DOT"])
def test_refusal_has_code_verb_and_permanence(verb: str, code: int) -> None:
    with Relay({verb: f"{code} no mail for {RECIPIENT}"}) as relay, transport(relay).connect() as session:
        with pytest.raises(RefusedByRelay) as caught:
            hand_over(session)
        refusal = caught.value
        assert (refusal.verb, refusal.code, refusal.permanent) == (verb, code, code == 550)
        assert refusal.reply == f"no mail for {RECIPIENT}"
        assert RECIPIENT not in str(refusal)
        assert session.usable == (code != 421)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "DOT"])
def test_mail_after_a_refused_one_goes_through(verb: str) -> None:
    with Relay({verb: ["550 no", REPLIES[verb]]}) as relay:
        with transport(relay).connect() as session:
            with pytest.raises(RefusedByRelay):
                hand_over(session)
            assert hand_over(session, b"second\r\n") == "2.0.0 queued as A1"
        assert relay.mails[-1] == b"second\r\n"


@pytest.mark.parametrize("fault", ["421 busy", "550 go away", STALL, CUT, "nonsense"])
@pytest.mark.parametrize("verb", ["GREETING", "EHLO"])
def test_relay_that_does_not_let_us_in_is_not_reached(verb: str, fault: str) -> None:
    script: dict[str, str | list[str]] = {verb: fault}
    if verb == "EHLO":
        script["HELO"] = fault
    with Relay(script) as relay, pytest.raises(NotReached):
        transport(relay).connect()


@pytest.mark.parametrize("fault", [STALL, CUT, "nonsense", "354 what"])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_connection_lost_while_announcing_is_not_reached(verb: str, fault: str) -> None:
    with Relay({verb: fault}) as relay, transport(relay).connect() as session:
        with pytest.raises(NotReached):
            session.begin(SENDER, RECIPIENT)
        assert not session.usable
        with pytest.raises(NotReached):
            session.begin(SENDER, RECIPIENT)


@pytest.mark.parametrize("fault", [STALL, CUT, "nonsense", "250 what"])
def test_connection_lost_at_data_is_not_reached(fault: str) -> None:
    with Relay({"DATA": fault}) as relay, transport(relay).connect() as session:
        with pytest.raises(NotReached):
            hand_over(session)
        assert relay.mails == []


def test_connection_lost_within_the_content_is_not_reached() -> None:
    with Relay({"CONTENT": CUT}) as relay, transport(relay).connect() as session:
        with pytest.raises(NotReached):
            hand_over(session, b"x" * 70 + b"\r\n" + b"y" * 20_000_000)
        assert relay.mails == []


@pytest.mark.parametrize("fault", [STALL, CUT, "nonsense", "354 what"])
def test_no_answer_to_the_final_dot_is_unknown_though_the_mail_is_there(fault: str) -> None:
    with Relay({"DOT": fault}) as relay, transport(relay).connect() as session:
        with pytest.raises(HandoverUnknown):
            hand_over(session)
        assert relay.mails == [CONTENT]
        assert not session.usable


@pytest.mark.parametrize("fault", [STALL, CUT, "500 no", "nonsense"])
def test_quit_that_fails_after_250_is_success(fault: str) -> None:
    with Relay({"QUIT": fault}) as relay:
        with transport(relay).connect() as session:
            assert hand_over(session) == "2.0.0 queued as A1"
        assert relay.mails == [CONTENT]


@pytest.mark.parametrize("fault", [STALL, CUT, "450 no"])
def test_failed_rset_loses_only_the_connection(fault: str) -> None:
    with Relay({"RSET": fault}) as relay, transport(relay).connect() as session:
        hand_over(session)
        with pytest.raises(NotReached):
            session.begin(SENDER, RECIPIENT)
        assert relay.mails == [CONTENT]


def test_relay_that_is_down_is_not_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(NotReached):
        SmtpTransport(f"smtp://127.0.0.1:{port}", QUICK).connect()


def test_slow_answer_to_the_final_dot_is_waited_for_longer_than_a_command() -> None:
    class Slow(Relay):
        def _reply(self, connection: socket.socket, verb: str) -> str | None:
            if verb == "DOT":
                time.sleep((QUICK.command_s + QUICK.data_end_s) / 2)
            return super()._reply(connection, verb)

    with Slow({}) as relay, transport(relay).connect() as session:
        assert hand_over(session) == "2.0.0 queued as A1"


@pytest.mark.parametrize("address", ["", "a", "a@b\r\nRCPT TO:<c@d>", "<a@b>, <c@d>", "a b@example.org"])
def test_only_one_plain_recipient_is_announced(address: str) -> None:
    with Relay({}) as relay, transport(relay).connect() as session:
        with pytest.raises(UnusableAddress):
            session.begin(SENDER, address)
        assert len(relay.commands) == 1


def test_password_that_is_refused_fails_no_mail() -> None:
    script: dict[str, str | list[str]] = {"EHLO": "250-relay\r\n250 AUTH PLAIN", "AUTH": "535 5.7.8 wrong"}
    with Relay(script) as relay, pytest.raises(NotReached) as caught:
        transport(relay, "smtp://user:secret@127.0.0.1:{port}").connect()
    assert "secret" not in str(caught.value)


def test_each_phase_is_measured() -> None:
    def counted() -> dict[str, float]:
        samples = next(iter(smtp_phase_seconds.collect())).samples
        return {found.labels["phase"]: found.value for found in samples if found.name.endswith("_count")}

    before = counted()
    with Relay({}) as relay, transport(relay).connect() as session:
        hand_over(session)
        hand_over(session)
    after = counted()
    assert {phase: after[phase] - before.get(phase, 0) for phase in after if after[phase] != before.get(phase, 0)} == {
        "connect": 1,
        "mail": 2,
        "rcpt": 2,
        "data": 2,
        "content": 2,
        "dot": 2,
        "rset": 1,
        "quit": 1,
    }


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[tuple[int, int, "subprocess.Popen[bytes]"]]:
    """A running sink: its SMTP port, its HTTP port, its process."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        smtp_port, http_port = one.getsockname()[1], two.getsockname()[1]
    ports = ["--smtp-port", str(smtp_port), "--http-port", str(http_port)]
    command = [sys.executable, "-W", "error", "-m", "deploy.local.sink", *ports, "--folder", str(tmp_path / "mails")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"mail sink:")
        yield smtp_port, http_port, process
        process.kill()


def test_sink_keeps_what_it_answered_250_for_and_stops_cleanly(
    sink: tuple[int, int, "subprocess.Popen[bytes]"],
) -> None:
    smtp_port, http_port, process = sink
    with SmtpTransport(f"smtp://127.0.0.1:{smtp_port}").connect() as session:
        replies = [hand_over(session, render(sample(kind, "ru"))) for kind in ("promotion", "waiting-list")]
    with urllib.request.urlopen(f"http://127.0.0.1:{http_port}/mails.json", timeout=10) as answer:
        mails = load(answer)
    assert [f"2.0.0 Kept as {mail['id']}" for mail in reversed(mails)] == replies
    assert [mail["to"] for mail in mails] == [RECIPIENT, RECIPIENT]
    assert [mail["calendar"] and mail["calendar"]["method"] for mail in mails] == [None, "REQUEST"]
    process.terminate()
    assert process.wait(10) == 0
