"""Makes a text safe to store, show and put in a mail: trimmed, in normal form, without tricks.

Refused are control characters (header and log injection), lone surrogates (they cannot be stored) and the
marks that change the direction of what follows (a name could make the rest of a page read backwards). The
two plain direction marks and the joiners stay: Arabic, Hebrew, Persian and many other texts need them.
"""

import re
from unicodedata import category, is_normalized, normalize

CONTROL_ONE_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufff9-\ufffb]")
CONTROL_MANY_LINES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufff9-\ufffb]")
DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
LINE_END = re.compile("\r\n?|[\u2028\u2029]")
MOST_SHRINKING = 4
"""Composition never makes a text shorter than a quarter: a longer one is refused before work is done on it."""


class Unclean(ValueError):
    """The text is refused; ``code`` says why: ``too-long``, ``control-characters`` or ``direction-marks``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def clean_line(text: str, longest: int) -> str:
    """``text`` as one trimmed line in Unicode normal form C, at most ``longest`` characters.

    Raises:
        Unclean: too long, or holds something that is refused.
    """
    return _clean(text, longest, CONTROL_ONE_LINE)


def clean_lines(text: str, longest: int) -> str:
    """The same for a text of several lines; line ends become line feeds.

    Raises:
        Unclean: too long, or holds something that is refused.
    """
    return _clean(LINE_END.sub("\n", text[: longest * MOST_SHRINKING + 1]), longest, CONTROL_MANY_LINES)


def _clean(text: str, longest: int, control: re.Pattern[str]) -> str:
    text = text.strip()
    if len(text) > longest * MOST_SHRINKING:
        raise Unclean("too-long")
    if control.search(text):
        raise Unclean("control-characters")
    if not text.isascii():
        if DIRECTION.search(text):
            raise Unclean("direction-marks")
        text = text if is_normalized("NFC", text) else normalize("NFC", text)
        if not any(category(sign)[0] not in "CZ" for sign in text):
            return ""  # nothing that can be seen
    if len(text) > longest:
        raise Unclean("too-long")
    return text
