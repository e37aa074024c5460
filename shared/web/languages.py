"""Which language a browser would like best of those that we have."""

from collections.abc import Container, Iterable


def preferred_language(accepted: Iterable[tuple[str, float]], known: Container[str]) -> str | None:
    """The first language of an ``Accept-Language`` header that is among ``known``; None if there is none.

    werkzeug's own match takes `en` of `fr-CH, en;q=0.5`, since only that is there to the letter.

    Args:
        accepted: tags with their weight, the dearest first, as werkzeug reads them.
        known: two-letter codes.
    """
    primaries = (tag.partition("-")[0].lower() for tag, weight in accepted if weight > 0)
    return next((primary for primary in primaries if primary in known), None)
