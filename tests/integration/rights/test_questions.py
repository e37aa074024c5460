"""Every question of the guide is answered by its call, and its program prints what it says."""

import re
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from deploy.local.installation import SAMPLE
from deploy.shape import service_for
from services.events.loading.folder import read_folder
from services.events.usecases.load_sample import load_sample
from shared.core.clock import system_clock
from shared.store.engine import open_engine
from shared.store.unit_of_work import UnitOfWork
from tests.integration.rights.conftest import House, as_holder
from tests.support.clients import answers
from tests.support.registration_service import open_registration
from tests.support.web import load_folder

GUIDE = Path("docs/how-to/ask-questions.md").read_text(encoding="utf-8")
CALLS = re.findall(r"^\| .+ \| `GET (\S+)` \|$", GUIDE, re.MULTILINE)
MOST_NAMES = 15


@pytest.fixture(scope="module")
def key(house: House) -> str:
    """A coordinator's, on an installation with the sample and two participants."""
    engine = open_engine(house.installation.urls["events"])
    load_sample(UnitOfWork(engine, "events"), system_clock, read_folder(SAMPLE))
    engine.dispose()
    load_folder(house.installation, SAMPLE)
    with open_registration(house.installation) as service:
        service.enrol_all([answers(number, partner="example-partner") for number in range(2)])
    return house.give_key("a coordinator with questions", "coordinator")


def test_guide_has_many_questions() -> None:
    assert len(CALLS) >= MOST_NAMES
    assert len(set(CALLS)) == len(CALLS)


@pytest.mark.parametrize("path", CALLS)
def test_question_is_answered_in_one_call(house: House, key: str, path: str) -> None:
    answer = house.apps[service_for(path.partition("?")[0])].get(path, headers=as_holder(key))
    assert answer.status_code == 200, answer.text
    content = answer.get_json()
    assert content, "nothing was answered"
    if "group_by" in path:
        assert content["more"] is False


def test_program_prints_the_numbers(
    house: House, key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it stands there."""
    [program] = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)

    def get(url: str, params: dict[str, str], headers: dict[str, str], timeout: float) -> Any:
        assert (url, timeout) == ("https://register.example.org/v1/registrations", 30)
        return _Answer(house.apps["registration"], params, headers)

    monkeypatch.setenv("TROIKA_URL", "https://register.example.org")
    monkeypatch.setenv("TROIKA_KEY", key)
    monkeypatch.setattr(requests, "get", get)
    exec(compile(program, "the guide", "exec"), {})
    [line] = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"example-partner \d{4}-\d{2}-\d{2} 2", line)


class _Answer:
    """An answer of the application, as `requests` has it."""

    def __init__(self, client: FlaskClient, params: dict[str, str], headers: dict[str, str]) -> None:
        self._answer = client.get("/v1/registrations", query_string=params, headers=headers)
        self.text = self._answer.text

    def raise_for_status(self) -> None:
        assert self._answer.status_code == 200, self.text
