"""A resource: a recording, slides or a brief, of an event, of a series, or of a city (UPR Cities)."""

import hashlib
from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from enum import StrEnum

from services.events.domain.event import is_web_address
from services.events.domain.rules import BrokenRule, content_rule, enforce, number_rule, slug_rule, text_rule
from shared.i18n.content import Text


class ResourceKind(StrEnum):
    """What sort of thing it is."""

    RECORDING = "recording"
    SLIDES = "slides"
    BRIEF = "brief"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource as of one revision. ``url`` is https, ``language`` BCP 47.

    ``published`` says whether the public sees it; ``announced`` whether that was ever told: it is told once.

    Raises:
        RulesBroken: on construction, with every rule that does not hold.
    """

    id: str
    kind: ResourceKind
    title: Text
    url: str
    language: str = "en"
    event: str | None = None
    series: str | None = None
    city: str | None = None
    published: bool = False
    announced: bool = False
    revision: int = 1

    def __post_init__(self) -> None:
        enforce(_rules(self))

    @property
    def stands_on(self) -> tuple[str, ...]:
        """Ids of the event and the series on whose pages it is; empty for one of a city alone."""
        return tuple(name for name in (self.event, self.series) if name is not None)


def _rules(resource: Resource) -> Iterator[BrokenRule | None]:
    yield slug_rule("id", resource.id)
    yield content_rule("title", resource.title, least=1, most=200)
    yield text_rule("language", resource.language, least=2, most=35)
    yield number_rule("revision", resource.revision, least=1)
    if not is_web_address(resource.url):
        yield BrokenRule("url", "not-a-web-address", "must begin with https://, at most 500 characters")
    for field, name in (("event", resource.event), ("series", resource.series)):
        if name is not None:
            yield slug_rule(field, name)
    if resource.city is not None:
        yield text_rule("city", resource.city, least=1, most=200)
    if resource.event is resource.series is resource.city is None:
        yield BrokenRule("event", "belongs-to-nothing", "or series or city is required: what it belongs to")


def merge_resource(old: Resource | None, new: Resource) -> tuple[Resource, bool]:
    """The resource to store when ``new`` is wished and ``old`` is known, and whether its publication is to be told.

    The revision rises with every difference; what was announced once is not announced again.
    """
    known = replace(new, revision=old.revision, announced=old.announced) if old else replace(new, announced=False)
    tell = new.published and not (old is not None and old.announced)
    if known == old:
        return old, False
    revision = old.revision + 1 if old else 1
    return replace(known, announced=known.announced or new.published, revision=revision), tell


def resource_tag(resource: Resource) -> str:
    """A short name of everything in ``resource``."""
    return f"{resource.revision}-{hashlib.sha256(repr(astuple(resource)).encode()).hexdigest()[:12]}"
