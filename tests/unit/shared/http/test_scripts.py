"""Scripts joined from modules: one file, no import or export left, no name twice."""

import re
from pathlib import Path

import pytest

from services.registration.embed.pages import SCRIPTS, asset, pinned_script, script
from shared.http.stylesheets import bundled

TOP_LEVEL = re.compile(r"^(?:export )?(?:async )?(?:function|const|let|class) (\w+)", re.MULTILINE)


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_has_no_import_no_comment_and_each_name_once(name: str) -> None:
    names = [one for file in SCRIPTS[name] for one in TOP_LEVEL.findall(file.read_text())]
    assert len(names) == len(set(names))
    text = script(name).text
    assert not re.search(r"^(import|export) |/\*|\*/|^ ", text, re.MULTILINE)
    assert asset(name) == f"/embed/static/{name}?v={script(name).mark}"


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_has_every_module_that_it_needs_before_it(name: str) -> None:
    had: list[str] = []
    for file in SCRIPTS[name]:
        assert set(re.findall(r'from "\./(\w+\.js)"', file.read_text())) <= set(had)
        had.append(file.name)


def test_text_is_left_as_it_is(tmp_path: Path) -> None:
    one, two = tmp_path / "one.js", tmp_path / "two.js"
    one.write_text('/* Says\n   something. */\n\nexport const URL = "https://x/*y"; /* kept */\n')
    two.write_text('import { URL } from "./one.js";\n\nfunction f() {\n  return `${URL} // import`;\n}\n')
    found = bundled(one, two)
    assert found.text == 'const URL = "https://x/*y";\nfunction f() {\nreturn `${URL} // import`;\n}\n'
    assert found.mark != bundled(one).mark


def test_pinned_script_is_the_one_that_is_served() -> None:
    assert pinned_script()[0].startswith(f"/embed/troika-{script('troika.js').mark}")
