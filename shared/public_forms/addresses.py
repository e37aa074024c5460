"""Mail addresses: the form that mail is sent to, and the form by which two addresses are the same person's."""

import re
from contextlib import suppress
from functools import lru_cache
from unicodedata import normalize

import marshmallow as ma
from email_validator import EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

from shared.public_forms.fields import without_ignorable

MAX_ADDRESS_LENGTH = 254
MAX_LOCAL_PART = 64
"""Characters before the @ (RFC 5321, 4.5.3.1.1): longer ones are refused by mail servers, so no mail would arrive."""

_TYPED_WIDE = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | {0xFE6B: ord("@")}
"""Full-width forms of ASCII, as Chinese and Japanese keyboards have them, and the small at sign. No other compatibility
form is replaced: the mail would go to an address that no one typed."""

_MAILTO = re.compile(r"(?i)mailto:\s*")
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
"""The usual characters before the @. The library takes it as it is, so only the domain is left to be checked,
and most people share a few domains."""


class NotAnAddress(ValueError):
    """The text is refused; ``code`` is the reason: ``bad-address`` or ``long-local-part``."""

    def __init__(self, code: str = "bad-address") -> None:
        super().__init__(code)
        self.code = code


def typed_address(text: str) -> str:
    """``text`` without what comes along when an address is copied or typed on another keyboard.

    Those are spaces and ``mailto:`` before it, characters that cannot be seen, and full-width forms such as ``＠``.
    """
    if not text.isascii():
        text = without_ignorable(text).translate(_TYPED_WIDE)
    text = text.strip()
    return text[found.end() :] if (found := _MAILTO.match(text)) else text


def normal_address(text: str) -> str:
    """``text`` as an address that any mail server accepts: domain in lower case and in ASCII (IDNA).

    The part before the @ keeps its case and has to be ASCII: without SMTPUTF8 on the whole way no mail would
    arrive, and a person would wait for it. What :func:`typed_address` removes is accepted. No DNS query is made.

    Raises:
        NotAnAddress: mail cannot be sent to it.
    """
    text = typed_address(text)
    if len(text) > MAX_ADDRESS_LENGTH:
        raise NotAnAddress
    local, _, domain = text.rpartition("@")
    if len(local) > MAX_LOCAL_PART:
        raise NotAnAddress("long-local-part")
    if _PLAIN_LOCAL.fullmatch(local) and local.lower() not in CASE_INSENSITIVE_MAILBOX_NAMES:
        return _within_length(f"{local}@{_normal_domain(domain)}")
    try:
        checked = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise NotAnAddress from error
    return _within_length(checked.ascii_email or "")


@lru_cache(maxsize=4096)
def _normal_domain(domain: str) -> str:
    """The domain as :func:`normal_address` gives it; what is refused is not remembered."""
    try:
        checked = validate_email(f"a@{domain}", check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise NotAnAddress from error
    return checked.ascii_domain


def _within_length(address: str) -> str:
    if not address or len(address) > MAX_ADDRESS_LENGTH:
        raise NotAnAddress
    return address


def address_beginning(typed: str) -> str:
    """The beginning of an address as it is stored, to search for it: its domain in ASCII, as far as it is complete.

    Args:
        typed: an address, the beginning of one, or anything else, which is returned as it is. A domain that ends within
            a label beyond ASCII cannot be converted: that label stays as typed, and finds no one.
    """
    local, at, domain = typed.rpartition("@")
    if not at or domain.isascii():
        return typed
    with suppress(ValueError):
        return f"{local}@{_normal_domain(domain)}"
    complete, _, rest = _LABEL_ENDS.sub(".", domain).rpartition(".")
    with suppress(ValueError):
        return f"{local}@{_normal_domain(f'{complete}.{_ANY_TOP_DOMAIN}').removesuffix(_ANY_TOP_DOMAIN)}{rest}"
    return typed


_LABEL_ENDS = re.compile("[\u3002\uff0e\uff61]")
"""Written in place of a full stop in East Asian domains (RFC 3490, 3.1)."""

_ANY_TOP_DOMAIN = "org"


def address_key(email: str) -> str:
    """The form of an address by which uniqueness is decided: folded whole, in normal form C.

    RFC 5321 lets the part before the @ depend on case; no provider in use does, and a second seat for
    ``A.B@`` beside ``a.b@`` would be a way around the rule of one registration per person.
    """
    return normalize("NFC", normalize("NFC", email.strip()).casefold())


_SAME_PROVIDER = {
    "googlemail.com": "gmail.com",
    "pm.me": "proton.me",
    "protonmail.com": "proton.me",
    "me.com": "icloud.com",
    "mac.com": "icloud.com",
    "fastmail.fm": "fastmail.com",
    "ya.ru": "yandex.ru",
    "yandex.by": "yandex.ru",
    "yandex.com": "yandex.ru",
    "yandex.kz": "yandex.ru",
}
"""Domains of a provider that deliver to the same mailboxes as another one of it."""

_DOTS_LIKE_HYPHENS = frozenset({"yandex.ru"})
"""Providers that deliver ``a.b@`` and ``a-b@`` to one mailbox."""

_HYPHEN_BEGINS_TAG = "yahoo."
"""Beginning of the domains of Yahoo, whose further addresses of a mailbox are ``base-keyword@``; its names have no
hyphen."""

_NAME_IN_DOMAIN = frozenset({"fastmail.com"})
"""Providers that deliver ``anything@name.example`` to ``name@example``."""

_SEPARATORS_IGNORED = {"gmail.com": ".", "proton.me": "._-"}
"""Signs before the @ that a provider ignores: it delivers ``a.b@`` and ``ab@`` to one mailbox."""

MAIL_PROVIDERS = frozenset(
    {
        "126.com",
        "163.com",
        "aol.com",
        "disroot.org",
        "fastmail.com",
        "fastmail.fm",
        "free.fr",
        "gmail.com",
        "gmx.at",
        "gmx.ch",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "hotmail.com",
        "hotmail.co.uk",
        "hotmail.es",
        "hotmail.fr",
        "icloud.com",
        "laposte.net",
        "libero.it",
        "live.com",
        "mac.com",
        "mail.com",
        "mail.ru",
        "mailbox.org",
        "me.com",
        "msn.com",
        "orange.fr",
        "outlook.com",
        "outlook.es",
        "outlook.fr",
        "pm.me",
        "posteo.de",
        "proton.me",
        "protonmail.com",
        "qq.com",
        "riseup.net",
        "sina.com",
        "t-online.de",
        "tuta.com",
        "tutanota.com",
        "web.de",
        "ya.ru",
        "yahoo.co.in",
        "yahoo.co.uk",
        "yahoo.com",
        "yahoo.com.br",
        "yahoo.es",
        "yahoo.fr",
        "yandex.by",
        "yandex.com",
        "yandex.kz",
        "yandex.ru",
        "zoho.com",
    }
)
"""Domains whose mailboxes belong to unrelated people: with one quota for all, they would use up each other's."""


def canonical_mailbox(email: str) -> str:
    """Return the mailbox that ``email`` is delivered to, for limits on mail: never for comparing people.

    The result has no ``+tag`` (RFC 5233) nor what a provider has in its place, no dots where the provider ignores them,
    and one name where a provider has several. Two different mailboxes with the same result share the limits on mail,
    and the switch for mail about submissions that their owner did not make.

    Args:
        email: an address as :func:`normal_address` returns it.
    """
    local, _, domain = address_key(email).rpartition("@")
    provider = registrable_domain(domain)
    provider = _SAME_PROVIDER.get(provider, provider)
    if provider in _NAME_IN_DOMAIN and domain.count(".") > provider.count("."):
        local = domain.rpartition(".")[0].rpartition(".")[0].rpartition(".")[2]
    domain = _SAME_PROVIDER.get(domain, provider if provider in _NAME_IN_DOMAIN else domain)
    local = local.partition("+")[0] or local
    if domain.startswith(_HYPHEN_BEGINS_TAG):
        local = local.partition("-")[0] or local
    if domain in _DOTS_LIKE_HYPHENS:
        local = local.replace("-", ".")
    ignored = dict.fromkeys(map(ord, _SEPARATORS_IGNORED.get(domain, "")))
    return f"{local.translate(ignored) or local}@{domain}"


_REGISTRIES = frozenset(
    {
        "ac", "asso", "co", "com", "ed", "edu", "gob", "gouv", "gov", "go", "gub", "id", "ind", "info", "int", "ltd",
        "me", "mil", "ne", "net", "ngo", "nhs", "nic", "nom", "or", "org", "sch", "school", "web",
    }
)  # fmt: skip
"""Labels under which registries of countries register domains: ``example.org.uk``, ``example.ac.ke``."""

_COUNTRY = 2
"""Characters of the top-level domain of a country."""


def registrable_domain(domain: str) -> str:
    """Return the part of ``domain`` that someone has registered, for limits only.

    By rule and not by the Public Suffix List, which needs an update each month: the last two labels, or three where a
    country's registry has second levels. Under a second level that is not known here unrelated domains share a limit.
    """
    labels = domain.split(".")
    second_level = labels[-2:-1] and labels[-2] in _REGISTRIES and len(labels[-1]) == _COUNTRY
    return ".".join(labels[-3 if second_level else -2 :])


def mail_domain(email: str) -> str:
    """Return the domain by which mail is limited; empty for a mail provider, whose users are unrelated.

    It is the one that someone has registered: its owner can make any number of subdomains.
    """
    domain = registrable_domain(address_key(email).rpartition("@")[2])
    return "" if domain in MAIL_PROVIDERS else domain


def email_field() -> ma.fields.String:
    """Return a required field that takes what :func:`normal_address` takes."""
    return ma.fields.String(required=True, validate=[ma.validate.Length(max=MAX_ADDRESS_LENGTH), _is_address])


def _is_address(text: str) -> None:
    try:
        normal_address(text)
    except ValueError:
        raise ma.ValidationError("Not a mail address.") from None
