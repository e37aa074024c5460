"""What a visitor's browser loads for the form in a partner's page: every file, with headers, compressed."""

import re

import pytest
from flask.testing import FlaskClient

from services.registration.embed.pages import SCRIPT_PATH
from shared.i18n.languages import LANGUAGES
from tests.integration.registration.test_kinds import installation as installation

MAX_BYTES = 30_000
QUERY = "partner=example-partner&theme=light&parent=http%3A%2F%2Flocalhost%3A8001"


@pytest.mark.parametrize("form", ["upr-webinar-10", "geneva-delegation"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_form_with_all_its_files_is_light(client: FlaskClient, form: str, language: str) -> None:
    page, weight = _load(client, f"/embed/{form}?{QUERY}&lang={language}")
    files = [*re.findall(r'"(/embed/static/[^"]+)"', page), SCRIPT_PATH]
    assert len(files) == 4, "one stylesheet, one script, the worker's, and the element's"
    assert weight + sum(_load(client, file)[1] for file in files) <= MAX_BYTES


def _load(client: FlaskClient, path: str) -> tuple[str, int]:
    """The text, and its bytes on the wire with HTTP/1.1 headers."""
    text = client.get(path).text
    answer = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert (answer.status_code, answer.headers.get("Content-Encoding")) == (200, "gzip")
    head = len(f"HTTP/1.1 {answer.status}\r\n") + len(str(answer.headers).encode()) + len("\r\n")
    return text, head + len(answer.data)
