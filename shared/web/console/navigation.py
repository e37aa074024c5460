"""The navigation of the console, by what people do: each section has the pages of one kind of work.

A page may come from any service; the gateway knows from which. What a key does not open is left out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from shared.web.access import Holder

HOME = "/console"

READERS = frozenset({"viewer", "coordinator"})
COORDINATORS = frozenset({"coordinator"})


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """One page of the navigation; ``path`` begins with ``/console``.

    Attributes:
        all_forms: it reaches across all forms, so a key that is limited to some does not open it.
        roles: for whom.
        also: further paths whose pages belong to it.
    """

    title: str
    path: str
    all_forms: bool = False
    roles: frozenset[str] = READERS
    also: tuple[str, ...] = ()

    def is_for(self, holder: Holder) -> bool:
        """Whether the key opens it, as far as the navigation knows."""
        return bool(self.roles & holder.roles) and not (self.all_forms and holder.forms is not None)

    def length_of_match(self, path: str) -> int:
        """Characters of ``path`` by which it is this page or one below it; 0 for neither."""
        below = [prefix for prefix in (self.path, *self.also) if prefix != HOME and path.startswith(f"{prefix}/")]
        exact = [prefix for prefix in (self.path, *self.also) if path == prefix]
        return max(map(len, (*below, *exact)), default=0)


@dataclass(frozen=True, slots=True)
class ConsoleSection:
    """Pages of one kind of work; a section is opened on its first page."""

    title: str
    pages: tuple[ConsolePage, ...]


@dataclass(frozen=True, slots=True)
class Console:
    """What the services register of their console: one value for all of them, since each shows the pages of all.

    Attributes:
        sections: the navigation.
        overview: path of the first page after signing in, unless another was requested; a key without access to it is
            redirected.
        first_page: path of the first page of a user who requested none.
        people: path of the list of people that the frame offers to search, for those in ``COORDINATORS``.
        sign_in: path of the sign-in page.
        sign_out: path that signs out of each service, since each believes cookies for itself: a browser that signs out
            is sent through all of them.
    """

    sections: tuple[ConsoleSection, ...]
    overview: str
    first_page: Callable[[Holder], str]
    people: str
    sign_in: str
    sign_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NavigationLink:
    """A link of the navigation; ``here``: the page that is shown is this one, or below it."""

    title: str
    path: str
    here: bool


@dataclass(frozen=True, slots=True)
class Navigation:
    """Sections, and the pages of the one that is shown; ``within`` is its title. One page alone is not listed.

    ``people``: path of the list of people that the frame offers to search; empty if it does not.
    """

    sections: tuple[NavigationLink, ...] = ()
    within: str = ""
    pages: tuple[NavigationLink, ...] = ()
    people: str = ""


def navigation_for(console: Console, holder: Holder | None, path: str) -> Navigation:
    """Return what ``holder`` sees of the navigation on the page at ``path``; nothing if nobody is signed in."""
    opened = [] if holder is None else list(sections_of(console.sections, holder))
    matching = [page for _, pages in opened for page in pages if page.length_of_match(path)]
    shown = max(matching, key=lambda page: page.length_of_match(path), default=None)
    sections = tuple(NavigationLink(section.title, pages[0].path, shown in pages) for section, pages in opened)
    section, pages = next(((one, pages) for one, pages in opened if shown in pages), (None, ()))
    listed = tuple(NavigationLink(page.title, page.path, page is shown) for page in pages) if len(pages) > 1 else ()
    return Navigation(sections, section.title if section else "", listed, _searched(console, holder, path))


def _searched(console: Console, holder: Holder | None, path: str) -> str:
    """Not on the list itself, which has a field of its own for that."""
    may = holder is not None and bool(COORDINATORS & holder.roles)
    return console.people if may and path != console.people else ""


def sections_of(
    sections: Sequence[ConsoleSection], holder: Holder
) -> Iterator[tuple[ConsoleSection, tuple[ConsolePage, ...]]]:
    """Yield each section with the pages that ``holder`` may open, without those of which it opens none."""
    for section in sections:
        pages = tuple(page for page in section.pages if page.is_for(holder))
        if pages:
            yield section, pages
