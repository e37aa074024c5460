"""The web application of a service as people meet it: what the gateway sends to the public process is its own."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from deploy.shape import PUBLIC_ROUTES, READING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def behind_gateway(service: str, desk: "WSGIApplication", public: "WSGIApplication") -> "WSGIApplication":
    """Send the pages of the public host to ``public``, and what anyone may read without a key or a cookie.

    With one, the same paths are asked on the coordinators' host.
    """
    routes = [route for route in PUBLIC_ROUTES if route.service == service]
    pages = tuple(beginning for route in routes for beginning in route.beginnings)
    paths = "|".join(re.escape(path).replace(re.escape("*"), "[^/]+") for route in routes for path in route.paths)

    def answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        path, is_known = environ["PATH_INFO"], bool({"HTTP_AUTHORIZATION", "HTTP_COOKIE"} & environ.keys())
        is_read = environ["REQUEST_METHOD"] in READING and not is_known and re.fullmatch(paths, path)
        return (public if is_read or path.startswith(pages) else desk)(environ, start)

    return answer
