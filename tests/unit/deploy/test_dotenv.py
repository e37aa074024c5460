"""The file `.env` as it was written: what Compose would change or ignore is refused with its line."""

import pytest

from deploy.compose.compose import compose
from deploy.compose.containers import SIZES
from deploy.compose.dotenv import dotenv_faults, names_in
from tests.support.processes import PROJECT

KNOWN = set().union(*(names_in(compose(size)) for size in SIZES))
EXAMPLE = (PROJECT / "deploy" / "compose" / ".env.example").read_text()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("SMTP_URL=smtps://user:pa$word@mail.example.org", "Compose replaces $"),
        ('SMTP_URL="smtps://user:pa${word@mail.example.org"', "Compose replaces $"),
        ("SMTP_URL=smtps://user:a$$$word@mail.example.org", "Compose replaces $"),
        ("SMPT_URL=smtps://mail.example.org", "did you mean SMTP_URL?"),
        ("TROIKA_HTTP_PROT=81", "did you mean TROIKA_HTTP_PORT?"),
        ("TROIKA_NONSENSE=1", "there is no such setting in .env"),
    ],
)
def test_line_is_refused_with_its_number_and_a_remedy(line: str, reason: str) -> None:
    (fault,) = dotenv_faults(f"# a comment\n{line}\n", KNOWN)
    assert fault.startswith(f"line 2: {line.partition('=')[0]}: ")
    assert reason in fault
    assert "word" not in fault.replace("the word after", "")


@pytest.mark.parametrize(
    "line",
    [
        "SMTP_URL='smtps://user:pa$word@mail.example.org'",
        "SMTP_URL=smtps://user:pa%24word@mail.example.org",
        "SMTP_URL=smtps://user:pa$$word@mail.example.org",
        "SMTP_URL=smtps://user:pa$@mail.example.org",
        "OF_ANOTHER_PROGRAM=1",
        "# TROIKA_NONSENSE=1",
    ],
)
def test_line_that_compose_leaves_as_it_is_is_accepted(line: str) -> None:
    assert list(dotenv_faults(line, KNOWN)) == []


def test_every_line_of_the_example_is_known() -> None:
    text = "\n".join(line.removeprefix("#") for line in EXAMPLE.splitlines() if not line.startswith("# "))
    assert list(dotenv_faults(text, KNOWN)) == []
