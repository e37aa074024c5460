"""The certificate authorities that tools trust: those of the system, which include an operator's own.

``requests`` has a list of its own (certifi) and ignores the system's.
"""

import ssl
from pathlib import Path

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
"""Of Debian, where OpenSSL's own default names a file that is not there."""


def trusted_authorities() -> str | bool:
    """The value of ``verify`` for ``requests``: the file or folder of ``SSL_CERT_FILE``, else the system's.

    Returns:
        True, certifi's list, where the system has none.
    """
    found = ssl.get_default_verify_paths()
    return found.cafile or (BUNDLE if Path(BUNDLE).is_file() else found.capath) or True
