"""Which version runs: what each process says of itself."""

import os
from importlib.metadata import PackageNotFoundError, version


def running_version() -> str:
    """The version that runs: of the installed package, or of the tree it runs from."""
    try:
        return version("troika")
    except PackageNotFoundError:
        return os.environ.get("TROIKA_VERSION", "0.1.0")
