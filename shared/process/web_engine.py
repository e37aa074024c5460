"""The connections of a web process: as many as its bounds need, so that no class of requests takes another's."""

from sqlalchemy import Engine

from shared.process.settings import CommonSettings
from shared.store.engine import open_engine

POOL_TIMEOUT_S = 2.0
"""Who has waited so long for a connection is refused. With a quarter of a second, hundreds of people who open their
links at once, and try again, keep the processor busy with refusals: each costs nearly as much as an answer."""


def open_web_engine(settings: CommonSettings) -> Engine:
    """An engine on the service's database; connections are made when they are first needed."""
    return open_engine(
        settings.database_url,
        pool_size=settings.bounds.connections,
        pool_timeout_s=POOL_TIMEOUT_S,
        application=f"troika-{settings.service}-{settings.process}",
    )
