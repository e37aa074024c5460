"""A restart must not load the sample over what people have changed since."""

from pathlib import Path

import pytest

from deploy.local.installation import load_once


def test_sample_is_loaded_once_and_again_where_the_place_is_another(tmp_path: Path) -> None:
    loads: list[str] = []
    for where in ("http://localhost:8001", "http://localhost:8001", "http://localhost:9001", "http://localhost:9001"):
        load_once(tmp_path, where, lambda where=where: loads.append(where))  # type: ignore[misc]
    assert loads == ["http://localhost:8001", "http://localhost:9001"]


def test_load_that_failed_is_tried_again(tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        load_once(tmp_path, "here", fail)
    loads: list[str] = []
    load_once(tmp_path, "here", lambda: loads.append("here"))
    assert loads == ["here"]
