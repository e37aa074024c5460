"""The two forms of an address."""

import string

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from shared.public_forms.addresses import NotAnAddress, address_beginning, address_key, normal_address, typed_address

LOCAL = st.from_regex(r"[A-Za-z0-9_+-]{1,20}(\.[A-Za-z0-9_+-]{1,20})?", fullmatch=True)
DOMAIN = st.sampled_from(["example.org", "Example.ORG", "mail.example.net", "BÜCHER.example"])


@given(LOCAL, DOMAIN)
def test_key_is_the_same_however_the_address_is_written(local: str, domain: str) -> None:
    address = normal_address(f"{local}@{domain}")
    keys = {address_key(written) for written in (address, address.upper(), address.lower(), f" {address} ")}
    assert keys == {address_key(address)}


@given(LOCAL, DOMAIN)
def test_normal_address_is_stable(local: str, domain: str) -> None:
    once = normal_address(f"{local}@{domain}")
    assert normal_address(once) == once
    assert once.split("@") == [local, once.split("@")[1].lower()]
    assert once.isascii()


CLOSE_TO_PLAIN = st.text(string.ascii_letters + string.digits + '._+-@ \u00e9\u200d"', max_size=70)


@given(st.one_of(LOCAL, CLOSE_TO_PLAIN, st.text(max_size=12)), st.one_of(DOMAIN, CLOSE_TO_PLAIN))
@example("Postmaster", "example.org")
@example("a" * 64, "example.org")
@example("a", "example.test")
@example("a\n", "example.org")
@example("a", "example.org\n")
@example("a" * 64, ".".join(["b" * 60] * 3) + ".example.org")
def test_short_way_agrees_with_the_library(local: str, domain: str) -> None:
    text = typed_address(f"{local}@{domain}")
    local = text.rpartition("@")[0]
    try:
        expected = validate_email(text, check_deliverability=False, allow_smtputf8=False).ascii_email
    except EmailNotValidError:
        expected = None
    if expected is None or len(text) > 254 or len(expected) > 254 or len(local) > 64:
        with pytest.raises(NotAnAddress):
            normal_address(text)
    else:
        assert normal_address(text) == expected


@given(st.text(max_size=60))
def test_key_of_any_text_is_stable(text: str) -> None:
    assert address_key(address_key(text)) == address_key(text)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("anna@bücher.example", "anna@xn--bcher-kva.example"),
        ("Anna@BÜCHER.EXAMPLE", "Anna@xn--bcher-kva.example"),
        ("@bücher.example", "@xn--bcher-kva.example"),
        ("anna@bücher.ex", "anna@xn--bcher-kva.ex"),
        ("anna@bücher.", "anna@xn--bcher-kva."),
        ("anna@mail。bücher。", "anna@mail.xn--bcher-kva."),
        ("anna@bücher", "anna@bücher"),
        ("anna@bücher..", "anna@bücher.."),
        ("Anna@Example.org", "Anna@Example.org"),
        ("anna@", "anna@"),
        ("Zoë", "Zoë"),
        ("", ""),
    ],
)
def test_beginning_is_that_of_the_stored_address(typed: str, stored: str) -> None:
    assert address_beginning(typed) == stored


@given(st.text(max_size=60))
def test_any_text_has_a_beginning(text: str) -> None:
    assert address_beginning(text).rpartition("@")[0] == text.rpartition("@")[0]


def test_key_distinguishes_people() -> None:
    assert address_key("a.b@example.org") != address_key("ab@example.org")
    assert address_key("a+x@example.org") != address_key("a@example.org")


@pytest.mark.parametrize("text", ["", "a", "a@", "@example.org", "a@localhost", "a@[127.0.0.1]", '"a b"@example.org'])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(NotAnAddress, match="bad-address"):
        normal_address(text)


@pytest.mark.parametrize(
    "text",
    ["anna\uff20example.org", "\u200eanna@example.org\u202c", "\ufeffanna@exam\u200bple.org", "mailto:anna@example.org",
     "\uff41\uff4e\uff4e\uff41\uff20\uff45xample\uff0eorg", " MAILTO: anna\ufe6bexample.org\u3000"],
)  # fmt: skip
def test_address_is_found_in_what_is_copied_or_typed_on_another_keyboard(text: str) -> None:
    assert normal_address(text) == "anna@example.org"


@pytest.mark.parametrize("local", ["a" * 65, "a.b" + "c" * 70, '"' + "a" * 65 + '"'])
def test_address_that_mail_servers_refuse_for_its_length_is_refused(local: str) -> None:
    with pytest.raises(NotAnAddress, match="long-local-part"):
        normal_address(f"{local}@example.org")


@pytest.mark.parametrize("text", ["an\ufb01@example.org", "\u00aanna@example.org", "\u24d0nna@example.org"])
def test_letters_that_only_resemble_ascii_are_not_replaced(text: str) -> None:
    with pytest.raises(NotAnAddress, match="bad-address"):
        normal_address(text)
