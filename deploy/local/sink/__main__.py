"""``python -m deploy.local.sink``: the SMTP server and its page, until SIGTERM or SIGINT."""

import logging
import signal
import threading
from pathlib import Path

import click
from werkzeug.serving import BaseWSGIServer, make_server

from deploy.local.sink.folder import MailFolder
from deploy.local.sink.pages import create_app
from deploy.local.sink.receiving import smtp_server


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--smtp-port", default=1025, show_default=True, type=click.IntRange(1, 65535), help="Where mails go.")
@click.option("--http-port", default=8025, show_default=True, type=click.IntRange(1, 65535), help="Where the page is.")
@click.option("--folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where mails are kept.")
@click.option("--refuse", multiple=True, help="An address that has no mailbox here; can be repeated.")
def main(host: str, smtp_port: int, http_port: int, folder: Path, refuse: tuple[str, ...]) -> None:
    """Store every received mail, deliver none, and show them on a page."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd logs addresses
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    mails = MailFolder(folder)
    pages = make_server(host, http_port, create_app(mails), threaded=True)
    receiver = smtp_server(mails, host, smtp_port, frozenset(refuse))
    receiver.start()
    thread = threading.Thread(target=pages.serve_forever, name="pages")
    thread.start()
    click.echo(f"mail sink: smtp://{host}:{smtp_port}, inbox http://{host}:{http_port}")
    stopping.wait()
    receiver.stop()
    _stop(pages, thread)


def _stop(pages: BaseWSGIServer, thread: threading.Thread) -> None:
    pages.shutdown()
    thread.join()
    pages.server_close()


if __name__ == "__main__":
    main()
