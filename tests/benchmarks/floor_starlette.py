"""The floor without Flask, gunicorn and psycopg: Starlette on uvicorn with asyncpg. A horizon, not an aim."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.benchmarks.floor import NUMBERED, POOL, READY, database_url, values
from tests.benchmarks.intake_adapter import ACCEPTED, PATH


class FloorState(TypedDict):
    """What a request finds: connections."""

    pool: asyncpg.Pool


def application() -> Starlette:
    """The application for uvicorn."""
    routes = [Route(PATH, _store, methods=["POST"]), Route(READY, _ready)]
    return Starlette(routes=routes, lifespan=_lifespan)


@asynccontextmanager
async def _lifespan(_app: Starlette) -> AsyncIterator[FloorState]:
    async with asyncpg.create_pool(database_url(), min_size=POOL, max_size=POOL) as pool:
        yield {"pool": pool}


async def _store(request: Request) -> Response:
    content = orjson.loads(await request.body())
    stored = await request.state.pool.fetchval(NUMBERED, *values(content))
    return Response(orjson.dumps({"id": stored}), ACCEPTED, media_type="application/json")


async def _ready(_request: Request) -> Response:
    return Response("ok")
