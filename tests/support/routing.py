"""Keeps what werkzeug compiles of routes: a run builds applications thousands of times, with the same routes."""

from typing import Any

from werkzeug.routing.rules import Rule

_compile = Rule._compile_builder
_kept: dict[tuple[Any, ...], Any] = {}


def keep_compiled_routes() -> None:
    """From now on the function that builds a rule's URL is compiled once for all rules of the same words.

    It is given its rule at each call, so rules of several applications can share it. Compiling was a tenth of the time
    of the tests of registration.
    """
    Rule._compile_builder = _compile_once  # type: ignore[method-assign,assignment]


def _compile_once(rule: Rule, append_unknown: bool = True) -> Any:
    key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
    if key not in _kept:
        _kept[key] = _compile(rule, append_unknown)
    return _kept[key]
