"""``python -m tests.support.bytecode``: compiles the tests once, instead of once in each of five workers.

pytest rewrites the asserts of a test module before it compiles it, and keeps the result in a separate file; where
PYTHONDONTWRITEBYTECODE is set it keeps nothing. Rewriting them all takes ten seconds of processor time. The functions
of pytest that do it are not public: ``tests/unit/support/test_bytecode.py`` fails when a version keeps its results
elsewhere.
"""

import os
import py_compile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from _pytest.assertion import rewrite

TESTS = Path(__file__).resolve().parents[1]


def compile_tests(folder: Path = TESTS) -> None:
    """Compile each module below ``folder`` that is not compiled yet, on every processor of the machine."""
    with ProcessPoolExecutor() as pool:
        list(pool.map(compile_module, sorted(folder.rglob("*.py")), chunksize=8))


def compile_module(path: Path) -> None:
    """Compile one module to where the process that imports it will search for it."""
    if path.name != "conftest.py" and not path.name.startswith("test_"):
        py_compile.compile(str(path), doraise=True)
        return
    kept = kept_at(path)
    kept.parent.mkdir(parents=True, exist_ok=True)
    if rewrite._read_pyc(path, kept) is None:
        source_hash, code = rewrite._rewrite_test(path, None)  # type: ignore[arg-type]  # its options: none
        beside = kept.with_suffix(f".{os.getpid()}")
        with beside.open("wb") as file:
            rewrite._write_pyc_fp(file, source_hash, code)
        beside.replace(kept)


def kept_at(path: Path) -> Path:
    """Where pytest keeps what it has rewritten."""
    return rewrite.get_cache_dir(path) / (path.stem + rewrite.PYC_TAIL)


if __name__ == "__main__":
    compile_tests()
