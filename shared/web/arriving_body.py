"""Waits for a request's body before anything else of the request does: a slow sender holds a socket, never a place."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from io import BytesIO
from typing import TYPE_CHECKING

from gevent import Timeout, monkey

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

BODY_WITHIN_S = 10.0
"""From the head of a request to the end of its body. A filled form is a few kilobytes: 56 kbit/s take one second."""

SLOWEST_BYTES_S = 250_000
"""A large body has the time beside it that this many bytes a second take."""


class TooSlow(Exception):
    """The body was not there in time. gunicorn closes a connection on which reading has failed."""


class CutOff(Exception):
    """The sender has gone in the middle of the body."""


def longest(path: str, usual: int, larger: Mapping[str, int]) -> int:
    """How long a body may be that is sent to ``path``, bytes: ``larger`` has the beginnings of paths that take more."""
    return next((most for beginning, most in larger.items() if path.startswith(beginning)), usual)


def receive(environ: "WSGIEnvironment", most_bytes: int, within_s: float = BODY_WITHIN_S) -> None:
    """Read the body into memory and leave it there as ``wsgi.input``.

    A body that says that it is too large is left unread; one that does not say how large it is, is read to where it
    becomes too large. Whoever looks at ``CONTENT_LENGTH`` next refuses both.

    Args:
        environ: of the request.
        most_bytes: longest body that is wanted.
        within_s: longest time for all of it, seconds. Kept where waiting costs no thread (ADR 12); elsewhere the
            server's own limits hold.

    Raises:
        TooSlow: it takes longer.
        CutOff: it ends before its length.
    """
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isdigit():
        if "HTTP_TRANSFER_ENCODING" in environ:
            content = _read(environ, most_bytes + 1, within_s)
            environ["CONTENT_LENGTH"] = str(len(content))
        return
    wanted = int(length)
    within_s += wanted / SLOWEST_BYTES_S
    if 0 < wanted <= most_bytes and len(_read(environ, wanted, within_s)) < wanted:
        raise CutOff


def _read(environ: "WSGIEnvironment", count: int, within_s: float) -> bytes:
    with _at_most(within_s):
        content: bytes = environ["wsgi.input"].read(count)
    environ["wsgi.input"] = BytesIO(content)
    return content


def _at_most(seconds: float) -> AbstractContextManager[object]:
    return Timeout(seconds, TooSlow()) if monkey.is_module_patched("socket") else nullcontext()
