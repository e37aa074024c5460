"""Figures about the code's size and vocabulary: ``python -m tests.architecture.figures``.

They compare the code before and after a restructuring; nothing is judged here.
"""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from tests.architecture.sources import CODE, python_files, text_of, tree_of

IDIOMS = (
    "told|tells|tell|say|says|said|saying|hear|hears|heard|speaker|hearer|nobody|somebody|whoever|whatever|deed|deeds|trail|"
    "look|looks|looked|moment|moments|door|crowded|settlement|settler|verdict|trapped|allowance|unasked|grave|"
    "turn|turns|bite|patience|household|stand|stands|stood|meanwhile|by hand|keeper|keep house|learn|learns|in hand|"
    "let go|goes on|go on|comes to|lives|dies|wishes|anew|of its own|of their own"
)
"""Words and phrases that the glossary and 'Words' replace, or that an engineer would write otherwise."""
_IDIOM = re.compile(rf"\b(?:{IDIOMS})\b", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
SHORT, TINY = 50, 40
"""Lines below which a module is short, or so small that its only importer should hold it."""
NEVER_JOINED = ("__init__.py", "__main__.py")
"""Packages and entry points."""
MIGRATIONS = {"migrations", "keys_migrations"}


def modules() -> list[Path]:
    """Modules of services and shared without migrations."""
    return [path for path in python_files("services", "shared") if not is_migration(path)]


def is_migration(path: Path) -> bool:
    """Whether a file is a migration or belongs to their environment."""
    return not MIGRATIONS.isdisjoint(path.parts)


def lines_of(path: Path) -> int:
    """How many lines a file has."""
    return text_of(path).count("\n")


def repeated_classes() -> dict[str, list[str]]:
    """Public class names that several modules define, with those modules."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in python_files(*CODE):
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path))
    return {name: found for name, found in sorted(places.items()) if len(found) > 1}


def importers() -> dict[str, set[str]]:
    """Modules of the project that import a module, by the imported module's dotted name."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in python_files(*CODE):
        for node in ast.walk(tree_of(path)):
            for name in imported_by(node):
                found[name].add(str(path))
    return found


def imported_by(node: ast.AST) -> Iterable[str]:
    """Dotted names that an import names, of modules or of what they define; none for another node."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return ()


def dotted(path: Path) -> str:
    """Name of the module in a file."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def tiny_modules() -> list[str]:
    """Modules below ``TINY`` lines that one other module imports, packages and entry points excepted."""
    by_module = importers()
    candidates = [path for path in modules() if path.name not in NEVER_JOINED]
    return [str(path) for path in candidates if lines_of(path) < TINY and len(by_module[dotted(path)]) == 1]


def docstring_words() -> tuple[int, Counter[str]]:
    """Number of words in all docstrings of services, shared and deploy, and how often each idiom is among them."""
    count, found = 0, Counter[str]()
    for path in python_files(*CODE):
        for node in ast.walk(tree_of(path)):
            text = _docstring(node)
            count += len(_WORD.findall(text))
            found.update(match.lower() for match in _IDIOM.findall(text))
    return count, found


def _docstring(node: ast.AST) -> str:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return ast.get_docstring(node) or ""
    return ""


def main() -> None:
    """Print all figures."""
    all_modules = modules()
    words, idioms = docstring_words()
    repeated = repeated_classes()
    settings = set(re.findall(r"`((?:TROIKA|SMTP|REGISTRATION|EVENTS|NOTIFICATIONS)_[A-Z_]+)`", _settings_page()))
    print(f"modules of services and shared without migrations: {len(all_modules)}")
    print(f"  below {SHORT} lines: {sum(lines_of(path) < SHORT for path in all_modules)}")
    print(f"  below {TINY} lines with one importer: {len(tiny_modules())}")
    print(f"lines of services, shared and deploy: {sum(map(lines_of, python_files(*CODE)))}")
    print(f"class names used twice: {len(repeated)} ({', '.join(repeated)})")
    share = sum(idioms.values()) / words * 10_000
    print(f"idioms in docstrings: {sum(idioms.values())} in {words} words, {share:.1f} in 10,000")
    print(f"  most frequent: {', '.join(f'{word} {count}' for word, count in idioms.most_common(12))}")
    print(f"settings in the reference: {len(settings)}")


def _settings_page() -> str:
    return text_of(Path("docs/reference/settings.md"))


if __name__ == "__main__":
    main()
