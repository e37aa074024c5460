"""Mail addresses: the form that mail is sent to, and the form by which two addresses are the same person's."""

from unicodedata import normalize

from email_validator import EmailNotValidError, validate_email

LONGEST_ADDRESS = 254


def normal_address(text: str) -> str:
    """``text`` as an address that any mail server accepts: domain in lower case and in ASCII (IDNA).

    The part before the @ keeps its case and has to be ASCII: without SMTPUTF8 on the whole way no mail would
    arrive, and somebody would wait for it. Nothing is looked up.

    Raises:
        ValueError: not an address that mail can be sent to.
    """
    if len(text) > LONGEST_ADDRESS:
        raise ValueError("too long")
    try:
        checked = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise ValueError("not an address") from error
    if checked.ascii_email is None or len(checked.ascii_email) > LONGEST_ADDRESS:
        raise ValueError("not an address")
    return checked.ascii_email


def address_key(email: str) -> str:
    """The form of an address by which uniqueness is decided: folded whole, in normal form C.

    RFC 5321 lets the part before the @ depend on case; no provider in use does, and a second seat for
    ``A.B@`` beside ``a.b@`` would be a way around the rule of one registration a person.
    """
    return normalize("NFC", normalize("NFC", email.strip()).casefold())
