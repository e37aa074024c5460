"""Makes what signs people in, from what a service has."""

from collections.abc import Sequence

from flask import request

from shared.core.clock import Clock
from shared.core.deployment import Deployment
from shared.store.sessions import Sessions
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import AccessFile
from shared.web.client_address import client_address
from shared.web.signing_in import SignIn


def make_sign_in(
    access: AccessFile, signing_keys: Sequence[bytes], work: UnitOfWork, clock: Clock, deployment: Deployment
) -> SignIn:
    """The console's door of a service.

    Args:
        access: key holders.
        signing_keys: newest first.
        work: on the service's database, which remembers what has ended.
        clock: of the project.
        deployment: where it stands.
    """

    def household() -> str:
        return str(client_address(request.environ, deployment.proxies))

    return SignIn(access, signing_keys, Sessions(work, clock), household, secure=deployment.https)
