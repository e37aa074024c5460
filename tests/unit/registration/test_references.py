"""Keyed references of an address, its mailbox and domain, a person and an organisation."""

import pytest

from services.registration.people.references import References

REFERENCES = References(b"k" * 32)


@pytest.mark.parametrize("written", ["A.B@Example.org", "a.b@EXAMPLE.ORG", " a.b@example.org "])
def test_address_is_the_same_however_it_is_written(written: str) -> None:
    assert REFERENCES.address(written) == REFERENCES.address("a.b@example.org")


@pytest.mark.parametrize(
    ("one", "other", "same_mailbox"),
    [
        ("ab+upr@example.org", "ab@example.org", True),
        ("a.b@example.org", "ab@example.org", False),
        ("a.b@gmail.com", "ab@gmail.com", True),
        ("a.b+x@googlemail.com", "ab@googlemail.com", True),
        ("a@example.org", "a@example.com", False),
        ("ab-upr@yahoo.com", "ab@yahoo.com", True),
        ("ab-upr@yahoo.co.uk", "ab@yahoo.co.uk", True),
        ("ab-upr@example.org", "ab@example.org", False),
        ("a-b@yandex.ru", "a.b@ya.ru", True),
        ("anything@ab.fastmail.com", "ab+upr@fastmail.com", True),
        ("anything@ab.fastmail.fm", "ab@fastmail.com", True),
        ("anything@ab.fastmail.com", "anything@cd.fastmail.com", False),
        ("anything@ab.example.org", "ab@example.org", False),
    ],
)
def test_addresses_of_one_mailbox_are_different_people_and_share_its_mails(
    one: str, other: str, same_mailbox: bool
) -> None:
    first, second = REFERENCES.address(one), REFERENCES.address(other)
    assert first.ref != second.ref
    assert (first.mailbox == second.mailbox) is same_mailbox


@pytest.mark.parametrize(
    ("one", "other", "same_domain"),
    [
        ("a@x1.catch-all.org", "a@y.x2.catch-all.org", True),
        ("a@x1.catch-all.org.uk", "a@catch-all.org.uk", True),
        ("a@one.org.uk", "a@other.org.uk", False),
        ("a@one.ac.ke", "a@other.ac.ke", False),
        ("a@one.org", "a@other.org", False),
        ("a@ab.fastmail.com", "a@gmail.com", True),
    ],
)
def test_subdomains_share_the_quota_of_the_domain_that_is_registered(one: str, other: str, same_domain: bool) -> None:
    assert (REFERENCES.address(one).domain == REFERENCES.address(other).domain) is same_domain


def test_domain_of_a_mail_provider_has_no_quota() -> None:
    assert REFERENCES.address("a@gmail.com").domain == b""
    shared = {REFERENCES.address(f"{name}@ngo.example.org").domain for name in "ab"}
    assert len(shared) == 1
    assert b"" not in shared


def test_references_are_keyed_and_different_for_each_purpose() -> None:
    address = REFERENCES.address("ab@example.org")
    other = References(b"o" * 32).address("ab@example.org")
    assert len({address.ref, address.mailbox, address.domain, other.ref, other.mailbox, other.domain}) == 6
    assert "kkk" not in repr(REFERENCES)


def test_colleagues_with_one_mailbox_are_two_people() -> None:
    assert REFERENCES.person("info@example.org", "A. B.") != REFERENCES.person("info@example.org", "C. D.")
    assert REFERENCES.person("info@example.org", None) == REFERENCES.person("info@example.org", "")


def test_proposals_of_one_person_are_distinguished_by_their_titles() -> None:
    one = REFERENCES.person("info@example.org", "A. B.", "Housing as  a right")
    assert one == REFERENCES.person("info@example.org", "a. b.", " housing as a RIGHT")
    others = [REFERENCES.person("info@example.org", "A. B.", title) for title in ("Water", "", None)]
    assert len({one, *others}) == 4


SAME_NAMES = (
    "anna ber",
    "  ANNA   BER ",
    "\ufeffAnna Ber",
    "An\u00adna Ber",
    "\uff21nna\u3000Ber",
    "Anna\u200b \u2067Ber",
    "Anna Ber\U000e0041\U000e007f",
    "A\ufe0fnna Ber\u3164",
    "Anna\u034f\u00a0Ber",
)


@pytest.mark.parametrize("name", SAME_NAMES)
def test_names_that_differ_in_what_no_one_sees_are_of_one_person_organisation_and_proposal(name: str) -> None:
    assert REFERENCES.person("INFO@example.org", name) == REFERENCES.person("info@example.org", "Anna Ber")
    assert REFERENCES.organisation(name) == REFERENCES.organisation("Anna Ber")
    assert REFERENCES.person("a@example.org", "", name) == REFERENCES.person("a@example.org", "", "Anna Ber")


def test_organisations_with_other_names_are_others() -> None:
    assert REFERENCES.organisation("The Network") != REFERENCES.organisation("Another Network")
    assert REFERENCES.organisation("") is None
    assert REFERENCES.organisation(None) is None
