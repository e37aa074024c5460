"""Makes what signs people in, from what a service has."""

from collections.abc import Sequence

from flask import request

from shared.core.deployment import Deployment
from shared.web.access import Access
from shared.web.client_address import client_address
from shared.web.signing_in import SessionBook, SignIn


def make_sign_in(access: Access, signing_keys: Sequence[bytes], book: SessionBook, deployment: Deployment) -> SignIn:
    """What signs people in to the console of a service.

    Args:
        access: key holders.
        signing_keys: newest first.
        book: remembers which sessions have ended.
        deployment: where it stands.
    """

    def household() -> str:
        return str(client_address(request.environ, deployment.proxies))

    return SignIn(access, signing_keys, book, household, secure=deployment.https)
