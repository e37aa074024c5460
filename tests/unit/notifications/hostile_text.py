"""Hostile text, and what mail clients would make of it."""

import re

from hypothesis import strategies as st

CLICKABLE = re.compile(r"(?i)\w+://\w|\bwww\.\w|[\w-]\.[a-z][a-z0-9-]|\w@\w|mailto:\S")
"""A simple model of what mail clients make a link of."""

hostile = st.one_of(
    st.text(),
    st.sampled_from(
        [
            "evil\r\nBcc: other@example.org",
            "a\x00b\u2028X-Header: yes\u2029\x85z",
            "https://evil.example/x",
            "www.evil.example",
            "www.e",
            "win at evil.example now",
            "evil\uff0eexample and evil\u3002example",
            "someone@evil.example",
            "javascript:alert(1)",
            "192.168.10.1",
            '"><script>alert(1)</script>',
            "<a href='https://evil.example'>x</a>",
            "{title} {0} {{ 7*7 }} %s",
            "\u202egnp.live",
            'x" <other@example.org>, y',
            "a, b; c: d",
            "\ud800",
            "=?utf-8?q?evil=0D=0ABcc:_x?=",
        ]
    ),
    st.lists(st.sampled_from([".", "@", ":", "/", "w", "www", "a", "com", "1", " ", "\r\n", "\u200d", "ё"])).map(
        "".join
    ),
)
"""Names, titles and organisations as an attacker would type them, and as anyone might."""
