"""A partner: an organisation whose pages may show the proposal form."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Partner:
    """Attributes:
    origins: exactly those of its pages: scheme, host and port. Without any it can frame nothing.
    language: of its readers, where nothing else tells.
    theme: values for the look of the form in its pages.
    """

    slug: str
    name: str
    origins: tuple[str, ...]
    language: str
    theme: Mapping[str, str]
