"""The reference page of all error codes, read from the code that raises them."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.reference_pages import GENERATED
from shared.http.access import RecentSignInRequired
from shared.http.problems import CODES, DOMAIN_STATUS, OTHER_DOMAIN_STATUS

PROJECT = Path(__file__).resolve().parents[1]
FOLDERS = ("services", "shared")

_STATUSES = {"internal": 500, "quarantine": 503, RecentSignInRequired.problem_code: RecentSignInRequired.code or 0}
"""Of the codes that no domain error has and that are not the only one of their status."""

_INTRODUCTION = """\
# Error codes

Every error of the interface is `application/problem+json` with one of these codes ([HTTP](http.md)). The last column
has the sentences of `detail`, as far as they are constant.

| code | status | raised by | `detail` |
|---|---|---|---|
"""


def errors_page(statuses: Mapping[str, int]) -> str:
    """The page in Markdown; ``statuses`` are those that services declare, by code."""
    places: dict[str, set[str]] = defaultdict(set)
    details: dict[str, set[str]] = defaultdict(set)
    for code in CODES.values():
        places[code].add("every service")
    for path, code, detail in _raised():
        places[code].add(path.parts[1] if path.parts[0] == "services" else "every service")
        details[code] |= {detail} if detail else set()
    usual = {CODES[status]: status for status in sorted(CODES, reverse=True)}
    known = _STATUSES | usual | dict(DOMAIN_STATUS) | dict(statuses)
    lines = [
        f"| `{code}` | {known.get(code, OTHER_DOMAIN_STATUS)} | {', '.join(sorted(places[code]))} | "
        f"{'; '.join(sorted(details[code])).replace('|', chr(92) + '|')} |"
        for code in sorted(places)
    ]
    return GENERATED + _INTRODUCTION + "\n".join(lines) + "\n"


def _raised() -> Iterator[tuple[Path, str, str]]:
    """(path, code, constant detail) of each place that makes a domain error or names a problem's code."""
    for folder in FOLDERS:
        for file in sorted((PROJECT / folder).rglob("*.py")):
            path = file.relative_to(PROJECT)
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and (texts := _texts_of(node)):
                    yield path, texts[0], texts[1]
                elif isinstance(node, ast.Assign) and _is_problem_code(node) and isinstance(node.value, ast.Constant):
                    yield path, str(node.value.value), ""


def _texts_of(call: ast.Call) -> tuple[str, str] | None:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    position = {"DomainError": 0, "problem": 1}.get(name)
    if position is None or len(call.args) <= position:
        return None
    code = _text(call.args[position])
    detail = _text(call.args[1]) if name == "DomainError" and len(call.args) > 1 else ""
    return (code, detail) if code else None


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_problem_code(node: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "problem_code" for target in node.targets)
