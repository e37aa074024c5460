"""Encrypted connections to the broker (``amqps://``): its certificate is verified, and compared with the host's name.

pika does so by itself. kombu verifies the certificate and does not compare the name: any certificate of a trusted
authority would do. Trusted are the system's certification authorities, or those in ``SSL_CERT_FILE``.
"""

import ssl
from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.pyamqp import SSLTransport


class VerifiedTransport(SSLTransport):
    """kombu's transport of ``amqps://``, with the name of the host that is tried now: there may be several."""

    def establish_connection(self) -> Any:
        """See :class:`kombu.transport.pyamqp.Transport`."""
        self.client.ssl = {"server_hostname": self.client.hostname, "cert_reqs": ssl.CERT_REQUIRED}
        return super().establish_connection()


def verify_brokers() -> None:
    """Let kombu use :class:`VerifiedTransport` for ``amqps://``."""
    TRANSPORT_ALIASES["amqps"] = f"{__name__}:{VerifiedTransport.__name__}"
