"""Text as a search compares it: without case, accents and other marks, whatever the script.

``Müller`` is ``muller`` to it, ``Łódź`` is ``lodz``, and Arabic and Hebrew are the same with and without vowels. The
function stands in PostgreSQL, because indexes are made of it. ``unaccent`` was rejected: not every server has it, it
knows Latin, Greek and Cyrillic alone, and it is not immutable.

Changing it needs a migration that drops and makes again every index that uses it.
"""

_LETTERS = {
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ŋ": "n", "ς": "σ",
    "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ٱ": "ا",
    "’": "'", "‘": "'", "ʼ": "'", "ʻ": "'", "‐": "-", "–": "-", "—": "-",
}  # fmt: skip
"""Letters that Unicode does not take apart (in lower case), and signs that people type in several ways."""

_SEVERAL = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"}

_MARKS = (
    (0x00AD, 0x00AD), (0x0300, 0x036F), (0x0483, 0x0487), (0x0591, 0x05BD), (0x05BF, 0x05BF), (0x05C1, 0x05C2),
    (0x05C4, 0x05C5), (0x05C7, 0x05C7), (0x0610, 0x061A), (0x0640, 0x0640), (0x064B, 0x065F), (0x0670, 0x0670),
    (0x06D6, 0x06DC), (0x06DF, 0x06E4), (0x06E7, 0x06E8), (0x06EA, 0x06ED), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF),
    (0x200B, 0x200F), (0x2060, 0x2060), (0x20D0, 0x20FF), (0xFE20, 0xFE2F), (0xFEFF, 0xFEFF),
)  # fmt: skip
"""Accents, Arabic and Hebrew vowel signs, the Arabic stretching sign, and what cannot be seen."""


def folding_function() -> str:
    """The statement that makes ``folded(text)``, for a migration.

    Text in ASCII takes the short way: the function stands on the way of every registration.
    """
    marks = "".join(rf"\u{first:04x}-\u{last:04x}" for first, last in _MARKS)
    folded = f"lower(regexp_replace(normalize(words, NFKD), '[{marks}]', '', 'g'))"
    for letter, letters in _SEVERAL.items():
        folded = f"replace({folded}, '{letter}', '{letters}')"
    one, other = ("".join(part).replace("'", "''") for part in (_LETTERS.keys(), _LETTERS.values()))
    return f"""
        CREATE FUNCTION folded(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
            CASE WHEN octet_length(words) = char_length(words) THEN lower(words)
                ELSE translate({folded}, '{one}', '{other}') END
    """


def words_of(column: str) -> str:
    """The words of a text column as a GIN index holds them: between blanks, whatever signs are in them.

    A lexeme has at most 2,046 bytes; 500 letters have at most 2,000.
    """
    return f"array_to_tsvector(array_remove(string_to_array(left(folded({column}), 500), ' '), ''))"


def word_query(folded: str) -> str:
    """A ``tsquery`` (as text) for the first word of ``folded``: whole if another follows, else the beginning of one."""
    first, more, _rest = folded.partition(" ")
    quoted = first[:500].replace("\\", "\\\\").replace("'", "''")
    return f"'{quoted}'" if more else f"'{quoted}':*"
