"""Requests whose end two readers might see in two places, and others that none of our clients sends.

After RFC 9112 (sections 2.2, 3, 5.2, 6 and 7 name what to refuse), and after what was found in servers since 2019. In
most hides a second request; where it is answered, an attacker could put it before another person's.
"""

from dataclasses import dataclass

HIDDEN_FORM = "smuggled"
HOST = b"Host: registration.example.org\r\n"
HIDDEN = b"GET /v1/forms/" + HIDDEN_FORM.encode() + b" HTTP/1.1\r\n" + HOST + b"\r\n"
TARGET = b"/v1/forms/upr-webinar-10/registrations"

REFUSED = "refused"
"""Nothing of it is done; a second answer is never given."""
ONE = "one request"
"""Read as one, to its end, and answered once."""
TWO = "two requests"
"""nginx accepts a line feed alone as the end of the line of a chunk's size. It frames the body again, so the service
behind reads the same; only a gateway before ours could read it otherwise."""


@dataclass(frozen=True, slots=True)
class Case:
    """Attributes:
    name: what is odd about it.
    raw: as it is sent.
    service: what gunicorn makes of it alone.
    gateway: what comes of it through nginx.
    """

    name: str
    raw: bytes
    service: str = REFUSED
    gateway: str = REFUSED


def _post(headers: bytes, body: bytes = b"") -> bytes:
    return b"POST " + TARGET + b" HTTP/1.1\r\n" + HOST + b"Content-Type: text/plain\r\n" + headers + b"\r\n" + body


def _get(line: bytes, headers: bytes = b"") -> bytes:
    return line + b"\r\n" + HOST + headers + b"\r\n"


def _length(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n" % len(body)


_ENDED = b"0\r\n\r\n" + HIDDEN
_CHUNKED = b"Transfer-Encoding: chunked\r\n"
_PAGE = b"GET /v1/forms/upr-webinar-10 HTTP/1.1"


def _odd_length(name: str, value: bytes) -> Case:
    return Case(f"length {name}", _post(b"Content-Length: " + value + b"\r\n", b"abcde" + HIDDEN))


def _odd_coding(name: str, header: bytes, **expected: str) -> Case:
    """Read as chunked the hidden request is outside the body, else inside."""
    return Case(f"coding {name}", _post(_length(_ENDED) + header, _ENDED), **expected)


def _chunks(name: str, body: bytes, **expected: str) -> Case:
    return Case(f"chunk {name}", _post(_CHUNKED, body), **expected)


LENGTHS = (
    Case("length twice, different", _post(b"Content-Length: 5\r\nContent-Length: 0\r\n", b"abcde" + HIDDEN)),
    _odd_length("list", b"5, 5"),
    _odd_length("signed", b"+5"),
    _odd_length("negative", b"-1"),
    _odd_length("hexadecimal", b"0x5"),
    _odd_length("with underscore", b"0_5"),
    _odd_length("empty", b""),
    _odd_length("with words", b"5 5"),
    _odd_length("in other digits", "٥".encode()),
    _odd_length("beyond all numbers", b"9" * 40),
    Case("length of nothing in a GET, then a hidden one", _get(_PAGE, _length(HIDDEN)) + HIDDEN, ONE, ONE),
)
CODINGS = (
    _odd_coding("with a length", _CHUNKED),
    Case("coding before the length", _post(_CHUNKED + _length(_ENDED), _ENDED)),
    _odd_coding("folded", b"Transfer-Encoding:\r\n chunked\r\n"),
    _odd_coding("folded by a tab", b"Transfer-Encoding: \r\n\tchunked\r\n"),
    _odd_coding("before a space", b"Transfer-Encoding : chunked\r\n"),
    _odd_coding("after a space", b" Transfer-Encoding: chunked\r\n"),
    _odd_coding("after a control character", b"Transfer-Encoding: \x0bchunked\r\n"),
    _odd_coding("before a control character", b"Transfer-Encoding: chunked\x0c\r\n"),
    _odd_coding("quoted", b'Transfer-Encoding: "chunked"\r\n'),
    _odd_coding("unknown", b"Transfer-Encoding: xchunked\r\n"),
    _odd_coding("not last", b"Transfer-Encoding: chunked, identity\r\n"),
    _odd_coding("twice", _CHUNKED + _CHUNKED),
    _odd_coding("twice, different", _CHUNKED + b"Transfer-Encoding: identity\r\n"),
    _odd_coding("identity", b"Transfer-Encoding: identity\r\n"),
    _odd_coding("ended by a line feed", b"Transfer-Encoding: chunked\n"),
    _odd_coding("ended by a carriage return", b"X: y\rTransfer-Encoding: chunked\r\n"),
    _odd_coding("with a zero", b"Transfer-Encoding: chunked\x00\r\n"),
    _odd_coding("in a header with an underscore", b"Transfer_Encoding: chunked\r\n", service=ONE, gateway=ONE),
    Case("coding in HTTP/1.0", _post(_CHUNKED, _ENDED).replace(b"HTTP/1.1", b"HTTP/1.0", 1)),
)
CHUNKS = (
    _chunks("with an extension", b"5;a=b\r\nabcde\r\n0\r\n\r\n", service=ONE, gateway=ONE),
    _chunks("extension with a line feed", b"5;a=\nb\r\nabcde\r\n0\r\n\r\n" + HIDDEN),
    _chunks("extension with a carriage return", b"5;a=\rb\r\nabcde\r\n0\r\n\r\n" + HIDDEN),
    _chunks("size ended by a line feed", b"5\nabcde\r\n0\r\n\r\n" + HIDDEN, gateway=TWO),
    _chunks("hexadecimal prefix", b"0x5\r\nabcde\r\n0\r\n\r\n"),
    _chunks("size signed", b"+5\r\nabcde\r\n0\r\n\r\n"),
    _chunks("size negative", b"-5\r\nabcde\r\n0\r\n\r\n"),
    _chunks("size with underscore", b"0_5\r\nabcde\r\n0\r\n\r\n"),
    _chunks("size empty", b"\r\nabcde\r\n0\r\n\r\n"),
    _chunks("size beyond all numbers", b"F" * 17 + b"\r\nabcde\r\n0\r\n\r\n"),
    _chunks("longer than its size", b"3\r\nabcde\r\n0\r\n\r\n" + HIDDEN),
    _chunks("not ended", b"5\r\nabcdeXX0\r\n\r\n" + HIDDEN),
    _chunks("followed by headers", b"0\r\nContent-Length: 50\r\nHost: evil\r\n\r\n", gateway=ONE),
)
LINES = (
    Case("two hosts", _get(_PAGE, b"Host: evil.example.org\r\n")),
    Case("two hosts, the same", _get(_PAGE, HOST)),
    Case("no host", _PAGE + b"\r\n\r\n", service=ONE),
    Case("host with a path", _PAGE + b"\r\nHost: registration.example.org/x\r\n\r\n", service=ONE),
    Case("host with a user", _PAGE + b"\r\nHost: registration.example.org@evil\r\n\r\n", ONE, ONE),
    Case("line feeds alone", _get(_PAGE).replace(b"\r\n", b"\n"), gateway=ONE),
    Case("a space before the first header", _PAGE + b"\r\n " + HOST + b"X: y\r\n\r\n"),
    Case("a header without a colon", _get(_PAGE, b"nonsense\r\n"), gateway=ONE),
    Case("a header without a name", _get(_PAGE, b": nonsense\r\n")),
    Case("a header with a space in its name", _get(_PAGE, b"X Y: z\r\n")),
    Case("a header with brackets in its name", _get(_PAGE, b"X(Y): z\r\n"), gateway=ONE),
    Case("a header with a zero", _get(_PAGE, b"X: a\x00b\r\n")),
    Case("a header name with a zero", _get(_PAGE, b"X\x00: a\r\n")),
    Case("a header with a carriage return", _get(_PAGE, b"X: a\rb\r\n")),
    Case("a path with a zero", _get(b"GET /v1/forms/\x00 HTTP/1.1")),
    Case("a path with a raw letter", _get(b"GET /v1/forms/\xc3\xa9 HTTP/1.1")),
    Case("a path with a space", _get(b"GET /v1/forms/a b HTTP/1.1")),
    Case("two spaces", _get(b"GET  /v1/forms/upr-webinar-10 HTTP/1.1"), gateway=ONE),
    Case("a tab", _get(b"GET\t/v1/forms/upr-webinar-10\tHTTP/1.1")),
    Case("a carriage return in the line", _get(b"GET /v1/forms/a\rb HTTP/1.1")),
    Case("no version", b"GET /v1/forms/upr-webinar-10\r\n\r\n"),
    Case("version 0.9", _get(b"GET /v1/forms/upr-webinar-10 HTTP/0.9")),
    Case("version 2.0", _get(b"GET /v1/forms/upr-webinar-10 HTTP/2.0")),
    Case("version 1.10", _get(b"GET /v1/forms/upr-webinar-10 HTTP/1.10"), gateway=ONE),
    Case("version in small letters", _get(b"GET /v1/forms/upr-webinar-10 http/1.1")),
    Case("an oversize line", _get(b"GET /v1/forms/" + b"a" * 9000 + b" HTTP/1.1")),
    Case("an oversize header", _get(_PAGE, b"X: " + b"a" * 40_000 + b"\r\n")),
    Case("too many headers", _get(_PAGE, b"".join(b"X-%d: y\r\n" % number for number in range(2000)))),
)
METHODS = (
    Case("TRACE", _get(b"TRACE /v1/forms/upr-webinar-10 HTTP/1.1")),
    Case("TRACK", _get(b"TRACK /v1/forms/upr-webinar-10 HTTP/1.1")),
    Case("CONNECT", _get(b"CONNECT evil.example.org:443 HTTP/1.1")),
    Case("CONNECT of a path", _get(b"CONNECT /v1/forms/upr-webinar-10 HTTP/1.1")),
    Case("a method in small letters", _get(b"get /v1/forms/upr-webinar-10 HTTP/1.1")),
    Case("a method with brackets", _get(b"GE(T /v1/forms/upr-webinar-10 HTTP/1.1")),
    Case("a method of 400 letters", _get(b"G" * 400 + b" /v1/forms/upr-webinar-10 HTTP/1.1")),
    Case("another protocol", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 64 + b"\r\n\r\n"),
    Case("HTTP/2 without asking", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
)
FORWARDED = (
    Case("a whole address", _get(b"GET http://evil.example.org/v1/forms/upr-webinar-10 HTTP/1.1"), ONE, ONE),
    Case(
        "an upgrade to HTTP/2",
        _get(
            _PAGE,
            b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        ),
        ONE,
        ONE,
    ),
    Case("an upgrade to a socket", _get(_PAGE, b"Connection: Upgrade\r\nUpgrade: websocket\r\n"), ONE, ONE),
    Case("headers with underscores", _get(_PAGE, b"X_Forwarded_For: 1.2.3.4\r\nContent_Length: 9\r\n"), ONE, ONE),
    Case("headers of a gateway", _get(_PAGE, b"X-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\n"), ONE, ONE),
    Case("a header to be taken away", _get(_PAGE, b"Connection: close, Host, X-Request-Start\r\n"), ONE, ONE),
    Case("an unknown expectation", _get(_PAGE, b"Expect: nonsense\r\n"), REFUSED, ONE),
)
CORPUS = (*LENGTHS, *CODINGS, *CHUNKS, *LINES, *METHODS, *FORWARDED)
