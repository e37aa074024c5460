"""One call to a receiver: to the address that was checked, by TLS with the host's own name, within a bound of time.

No redirect is followed, no proxy of the environment is used, and of the answer nothing is read but its head.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from services.notifications.calling.addresses import (
    Address,
    NotAllowed,
    Place,
    Resolve,
    checked_address,
    place_of,
    resolve_by_system,
)
from services.notifications.domain.webhook import Called

CONNECT_WITHIN_S = 5.0
WITHIN_S = 15.0
"""A call takes no longer once it is connected, however its receiver dribbles (Standard Webhooks: 15 to 30 s)."""

Connect = Callable[[Address, int, float], socket.socket]

REFUSED = "the address may not be called"
NO_ANSWER = "no answer in time"
NO_CONNECTION = "no connection"
NO_TLS = "no certificate for this name"
NO_HTTP = "no answer by HTTP"


def connect_to(address: Address, port: int, within_s: float) -> socket.socket:
    """A connection to exactly this address: it is a number, so no name is asked for."""
    return socket.create_connection((str(address), port), timeout=within_s)


class Caller:
    """Calls receivers.

    Args:
        context: of TLS; by default the machine's certificate authorities, names checked.
        resolve: tells the addresses of a host.
        connect: opens a connection to an address and port within so many seconds.
        within_s: bound of a whole call once it is connected, seconds.
    """

    def __init__(
        self,
        context: ssl.SSLContext | None = None,
        resolve: Resolve = resolve_by_system,
        connect: Connect = connect_to,
        within_s: float = WITHIN_S,
    ) -> None:
        self._context = context or ssl.create_default_context()
        self._resolve, self._connect, self._within_s = resolve, connect, within_s

    def call(self, url: str, headers: Mapping[str, str], body: bytes) -> Called:
        """POST ``body`` to ``url``; never raises for what a receiver does."""
        try:
            place = place_of(url)
            address = checked_address(place, self._resolve)
            return Called(answer=self._post(place, address, headers, body))
        except NotAllowed:
            return Called(fault=REFUSED)
        except ssl.SSLCertVerificationError:
            return Called(fault=NO_TLS)
        except TimeoutError:
            return Called(fault=NO_ANSWER)
        except http.client.HTTPException:
            return Called(fault=NO_HTTP)
        except OSError:
            return Called(fault=NO_CONNECTION)

    def _post(self, place: Place, address: Address, headers: Mapping[str, str], body: bytes) -> int:
        with self._connected(place, address) as connection:
            connection.request("POST", place.target, body, dict(headers))
            return connection.getresponse().status

    @contextmanager
    def _connected(self, place: Place, address: Address) -> Iterator[http.client.HTTPConnection]:
        """A connection to ``address`` that is cut when the time is over, in whatever it is waiting then."""
        connection = http.client.HTTPSConnection(place.host, place.port, context=self._context)
        plain = self._connect(address, place.port, min(CONNECT_WITHIN_S, self._within_s))
        over = threading.Event()
        with plain:
            tls = self._context.wrap_socket(plain, server_hostname=place.host, do_handshake_on_connect=False)
        tls.settimeout(self._within_s)
        timer = threading.Timer(self._within_s, _cut, [tls, over])
        timer.start()
        try:
            tls.do_handshake()
            connection.sock = tls
            yield connection
        except (OSError, http.client.HTTPException):
            if over.is_set():
                raise TimeoutError from None
            raise
        finally:
            timer.cancel()
            tls.close()


def _cut(tls: ssl.SSLSocket, over: threading.Event) -> None:
    over.set()
    with suppress(OSError):
        socket.socket.shutdown(tls, socket.SHUT_RDWR)
