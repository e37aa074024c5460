"""What gunicorn logs and answers for requests that never reach the application: status and reason, no request content.

By default gunicorn repeats the client's address and the line that it could not read, in the log and in its answer. That
line contains the token of a person's link.
"""

import json
import os
import sys
from http import HTTPStatus
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.http import errors

from shared.http.headers import refusal_headers
from shared.http.problems import CODES, MEDIA_TYPE
from shared.runtime.logs import describe

_STATUS = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
}
_OURS = (errors.ConfigurationProblem, errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


class DiscreetLogger(Logger):
    """gunicorn's logger; for an exception it logs only type and place, on one line."""

    def exception(self, msg: Any, *_args: Any, **_kwargs: Any) -> None:
        """See :class:`gunicorn.glogging.Logger`.

        ``msg`` is gunicorn's own text; its arguments would contain personal data.
        """
        error = sys.exc_info()[1]
        summary = msg.replace("%s", "").strip(" :") if isinstance(msg, str) else "gunicorn failed"
        self.error("%s: %s", summary, describe(error) if error is not None else "no exception")


def _https() -> bool:
    return os.environ.get("TROIKA_PUBLIC_URL", "").startswith("https://")


def status_of(error: BaseException) -> HTTPStatus:
    """What a request is answered that gunicorn could not read, or that failed outside of the application."""
    if not isinstance(error, errors.ParseException) or isinstance(error, _OURS):
        return HTTPStatus.INTERNAL_SERVER_ERROR
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), HTTPStatus.BAD_REQUEST)


def refusal(status: HTTPStatus) -> bytes:
    """The whole answer, after which the connection ends."""
    code = CODES.get(status, "internal" if status == HTTPStatus.INTERNAL_SERVER_ERROR else "malformed")
    problem = {"type": f"urn:troika:problem:{code}", "title": status.phrase, "status": status.value, "code": code}
    body = json.dumps(problem).encode()
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Connection: close",
        f"Content-Type: {MEDIA_TYPE}",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in refusal_headers(https=_https())),
    )
    return "\r\n".join((*lines, "", "")).encode() + body
