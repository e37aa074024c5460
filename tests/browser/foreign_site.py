"""A web site that is not part of Troika, served by the test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def foreign_site(body: str, host: str) -> Iterator[str]:
    """Serve one page with ``body`` on a free port; gives its address under ``host``, a name of the loopback."""
    content = f"<!doctype html><html lang='en'><title>Foreign</title><body>{body}</body></html>".encode()

    class Page(BaseHTTPRequestHandler):
        """Answers everything with the page."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the screen of the tests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{host}:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
