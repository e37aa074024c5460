"""Fixtures for all tests. If this machine lacks something, the error names what to install."""

import gc
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from playwright.sync_api import Browser

from tests.support.browser import chromium
from tests.support.clock import FrozenClock
from tests.support.completeness import Completeness
from tests.support.forking import ForkServer
from tests.support.lanes import LanesPlugin
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup, Program
from tests.support.rabbitmq import RabbitNode
from tests.support.routing import keep_compiled_routes
from tests.support.run_folder import RunFolder, quick_base, runs_folder, sweep
from tests.support.tiers import leave_out
from tests.support.waiting import scale_timeouts

DEPLOY = Path(__file__).parent / "deploy"
ALERTING = Path(__file__).parent / "alerting"
CLUSTER = Path(__file__).parent / "cluster"
RECOVERY = Path(__file__).parent / "recovery"
_SEED = pytest.StashKey[int]()
_HANDED_ON = "chaos_seed"
_FIRST_TIER, _FIRST = pytest.StashKey[bool](), "first_tier"
_SHARED_POSTGRES = pytest.StashKey[PostgresServer]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--chaos=full`` is the option of `make chaos`: the long variants instead of the short pass."""
    parser.addoption("--all", action="store_true", help="also what `make test` leaves out (make test-all)")
    parser.addoption("--chaos", choices=("short", "full"), default="short", help="how much is broken (default: short)")
    parser.addoption("--deploy", action="store_true", help="what needs a Docker engine (make test-deploy)")
    parser.addoption("--alerting", action="store_true", help="what needs Alertmanager (make test-alerting)")
    parser.addoption("--cluster", action="store_true", help="what needs network namespaces (make test-cluster)")
    parser.addoption("--from", default="", help="git tag from which the hosts of --cluster are upgraded")
    parser.addoption("--recovery", action="store_true", help="all rehearsals of a recovery (make test-recovery)")
    parser.addoption("--chaos-seed", type=int, default=None, help="of what a full run draws by chance; printed by it")
    parser.addoption("--chaos-people", type=int, default=None, help="how many register on each bus of the volume test")
    parser.addoption(
        "--chaos-calm", type=float, default=1.0, help="the volume test's pauses between faults, times this"
    )
    parser.addoption("--chaos-ledger", type=Path, default=None, help="file to which a volume test adds a line")


def pytest_configure(config: pytest.Config) -> None:
    """The same examples in every run, however slow the machine; nothing may be skipped."""
    settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
    settings.load_profile("ci")
    given = getattr(config, "workerinput", {}).get(_HANDED_ON, config.getoption("chaos_seed"))
    drawn = secrets.randbits(32) if config.getoption("chaos") == "full" else 1
    config.stash[_SEED] = drawn if given is None else given
    unnamed = config.args_source is not pytest.Config.ArgsSource.ARGS and not config.getoption("all")
    config.stash[_FIRST_TIER] = getattr(config, "workerinput", {}).get(_FIRST, unnamed)
    if hasattr(config, "workerinput") and config.getoption("chaos") != "full":
        scale_timeouts()
    keep_compiled_routes()
    config.pluginmanager.register(Completeness(), "completeness")
    config.pluginmanager.register(LanesPlugin(), "lanes")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`make test` leaves out what takes long, unless it is named; `make test-all` runs everything."""
    if config.stash[_FIRST_TIER]:
        leave_out(config, items)


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: the garbage collector need not traverse it again.

    Applications are built thousands of times, each of thousands of objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`make test` needs no Docker engine, no Alertmanager and no namespaces: what does, or takes long, is apart."""
    apart = {DEPLOY: "deploy", ALERTING: "alerting", CLUSTER: "cluster", RECOVERY: "recovery"}
    return True if collection_path in apart and not config.getoption(apart[collection_path]) else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Every worker has the seed that is printed, and runs the same tests."""
    node.workerinput[_HANDED_ON] = node.config.stash[_SEED]
    node.workerinput[_FIRST] = node.config.stash[_FIRST_TIER]


@pytest.fixture(scope="session")
def chaos_full(pytestconfig: pytest.Config) -> bool:
    """Whether this is `make chaos`: a test that has a long variant runs it instead of its short one."""
    return bool(pytestconfig.getoption("chaos") == "full")


@pytest.fixture(scope="session")
def chaos_seed(pytestconfig: pytest.Config) -> int:
    """Seed of random choices: the same in every short pass; a full one draws its own, unless one is given."""
    return pytestconfig.stash[_SEED]


def pytest_report_header(config: pytest.Config) -> str:
    """How much is broken, and what repeats it."""
    return f"chaos: {config.getoption('chaos')}, seed {config.stash[_SEED]}"


@pytest.fixture(scope="session")
def run_folder() -> Iterator[RunFolder]:
    """The folder of this run. Ends what crashed runs have left before it starts, and all its own processes after."""
    for base in {None, quick_base()}:
        sweep(runs_folder(base))
    run = RunFolder.create(runs_folder(quick_base()))
    server = Program.fork_server = ForkServer(run)
    yield run
    server.close()
    run.remove()


@pytest.fixture(scope="session")
def rabbit(run_folder: RunFolder) -> Iterator[RabbitNode]:
    """A running RabbitMQ node, shared by all tests: use ``fresh_vhost``, and leave it running.

    A test that stops or kills a node takes ``own_rabbit``.
    """
    node = RabbitNode(run_folder)
    node.start()
    yield node
    node.remove()


@pytest.fixture
def own_rabbit(run_folder: RunFolder) -> Iterator[RabbitNode]:
    """A RabbitMQ node of this test alone, started, to be killed and frozen."""
    node = RabbitNode(run_folder, plugins=["rabbitmq_prometheus"])
    node.start()
    yield node
    node.remove()


@pytest.fixture(scope="session")
def postgres(run_folder: RunFolder, pytestconfig: pytest.Config) -> Iterator[PostgresServer]:
    """A running PostgreSQL, shared by all tests: use ``fresh_database``, and leave it running.

    It does not wait for the disk, which hundreds of fresh databases would keep at its limit. A test that stops or kills
    a server takes ``own_postgres``, which does.
    """
    server = PostgresServer(run_folder, durable=False)
    server.start()
    pytestconfig.stash[_SHARED_POSTGRES] = server
    yield server
    server.remove()


@pytest.fixture(scope="module", autouse=True)
def passing_databases(pytestconfig: pytest.Config) -> Iterator[None]:
    """Databases go with the module in which they were made, unless someone keeps them."""
    yield
    server = pytestconfig.stash.get(_SHARED_POSTGRES, None)
    if server is not None:
        server.drop_fresh_databases()


@pytest.fixture
def own_postgres(run_folder: RunFolder) -> Iterator[PostgresServer]:
    """A PostgreSQL of this test alone, started, to be killed."""
    server = PostgresServer(run_folder)
    server.start()
    yield server
    server.remove()


@pytest.fixture
def processes(run_folder: RunFolder) -> Iterator[ProcessGroup]:
    """Starts our own programs; ends them after the test."""
    group = ProcessGroup(run_folder)
    yield group
    group.end()


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that is frozen on Monday, 2 March 2020, 09:00 UTC."""
    return FrozenClock()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium, once for each module of tests.

    Not once for the run: Playwright keeps an event loop in the main thread, in which later tests could not use theirs.
    """
    with chromium() as running:
        yield running
