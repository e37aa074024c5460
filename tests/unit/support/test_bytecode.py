"""The bytecode compiled for tests is what pytest loads."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.bytecode import compile_tests, kept_at


def test_pytest_takes_what_was_compiled(tmp_path: Path) -> None:
    """A test that would fail passes, since the code of one that passes was put in its place."""
    module = tmp_path / "test_one.py"
    other = tmp_path / "other" / "test_one.py"
    other.parent.mkdir()
    module.write_text("def test_it() -> None:\n    assert 1 == 2\n")
    other.write_text("def test_it() -> None:\n    assert 2 == 2\n")
    compile_tests(tmp_path)
    magic, code = kept_at(module).read_bytes()[:16], kept_at(other).read_bytes()[16:]
    assert b"pytest_ar" in code
    kept_at(module).write_bytes(magic + code)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", str(module)]
    done = subprocess.run(command, cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
