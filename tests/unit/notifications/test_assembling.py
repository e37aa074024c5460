"""Any text arrives unchanged, and no value becomes more than one header."""

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.composing.mime import assembled, text_part


@pytest.mark.parametrize("value", ["a\r\nBcc: b@example.org", "a\nb", "a\rb", "a\r\n \r\n\r\nb", "ä"])
def test_header_that_would_be_more_than_one_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="the header Subject"):
        assembled(text_part("text", "plain"), [("Subject", value)])


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("\n\r .=\tF")))
def test_any_text_arrives_as_it_was_with_line_ends_of_mail(text: str) -> None:
    message = message_from_bytes(assembled(text_part(text, "plain"), []), policy=default)
    assert isinstance(message, EmailMessage)
    assert message.get_payload(decode=True) == re.sub("\r\n|\r|\n", "\r\n", text).encode()
