"""Every route of the three applications, as their url maps have it."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask

from deploy.specs import applications
from shared.http.access import Policy, policy_of
from shared.messaging.contracts.registry import SERVICES

SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Route:
    """Attributes:
    service: whose.
    method: of the request.
    rule: as the url map has it.
    policy: who may call it.
    arguments: of the rule.
    """

    service: str
    method: str
    rule: str
    policy: Policy
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.service} {self.method} {self.rule}"

    @property
    def is_page(self) -> bool:
        """Whether it belongs to the console, where a person who is not signed in is redirected."""
        return self.rule == "/console" or self.rule.startswith("/console/")

    @property
    def is_safe(self) -> bool:
        """Whether its method only reads."""
        return self.method in SAFE

    def path(self, app: Flask, values: Mapping[str, str]) -> str:
        """The address with ``values`` in place of its arguments.

        Raises:
            KeyError: an argument has no value.
        """
        adapter = app.url_map.bind("registration.example.org", url_scheme="https")
        given = {name: values[name] for name in self.arguments}
        for rule in app.url_map.iter_rules():
            if rule.rule == self.rule and self.method in (rule.methods or ()):
                typed = {name: rule._converters[name].to_python(value) for name, value in given.items()}
                return adapter.build(rule.endpoint, typed)
        raise LookupError(str(self))


def every_route() -> list[Route]:
    """All of them, but what Flask answers by itself (``HEAD``, ``OPTIONS``)."""
    found = []
    for service, app in applications().items():
        for rule in app.url_map.iter_rules():
            policy = policy_of(app.view_functions[rule.endpoint])
            assert policy is not None, rule.rule
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                found.append(Route(service, method, rule.rule, policy, tuple(sorted(rule.arguments))))
    assert {route.service for route in found} == set(SERVICES)
    return sorted(found, key=str)
