"""A client that a generator makes of the OpenAPI document works: it lists, registers, changes and reads people."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.specs import openapi
from shared.http.lists import MEDIA_TYPE, XLSX_TYPE
from tests.support.clients import WEBINAR, answers
from tests.support.registration_service import RegistrationService

PACKAGE = "generated_client"
FILES = dict.fromkeys((MEDIA_TYPE, XLSX_TYPE), "application/octet-stream")
CONFIGURATION = {"post_hooks": [], "content_type_overrides": FILES}


@pytest.fixture
def generated(service: RegistrationService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of the package that was generated without a complaint."""
    (tmp_path / "document.json").write_text(json.dumps(openapi(service.app)))
    (tmp_path / "configuration.json").write_text(json.dumps(CONFIGURATION))
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning", "--meta", "none"]
    sources = ["--path", "document.json", "--config", "configuration.json", "--output-path", PACKAGE]
    run = subprocess.run([*command, *sources], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    monkeypatch.syspath_prepend(tmp_path)
    return PACKAGE


def test_generated_client_lists_registers_changes_and_reads_people(
    service: RegistrationService, coordinator: dict[str, Any], generated: str
) -> None:
    """Nothing is added by hand: the key, ``If-Match`` and the bodies are arguments of the generated functions."""
    models = import_module(f"{generated}.models")
    people, entering = f"{generated}.api.registrations", f"{generated}.api.corrections"
    get_list = import_module(f"{people}.get_registrations").sync
    get_one = import_module(f"{people}.get_registrations_by_registration_id").sync
    patch = import_module(f"{people}.patch_registrations_by_registration_id").sync
    enter = import_module(f"{entering}.post_forms_by_slug_registrations").sync
    client = import_module(generated).AuthenticatedClient(
        base_url="http://localhost",
        token=coordinator["Authorization"].removeprefix("Bearer "),
        httpx_args={"transport": httpx.WSGITransport(app=service.app)},
    )
    body = models.EntryWanted.from_dict({"reason": "on-paper", "answers": answers(1)})
    cancel = models.ChangeWanted(status=models.ChangeWantedStatus("cancelled"))
    with service.deciding():
        made = enter(WEBINAR, client=client, body=body).registration
        changed = patch(made.id, client=client, if_match=f'"{made.revision}"', body=cancel)
    assert (made.status, changed.status) == ("confirmed", "cancelled")
    found = get_list(client=client, form=WEBINAR)
    assert [(one.id, one.revision) for one in found.items] == [(made.id, changed.revision)]
    read = get_one(made.id, client=client)
    assert [change.status for change in read.history] == ["confirmed", "cancelled"]
    assert patch(made.id, client=client, if_match='"1"', body=cancel).code == "edit-conflict"
