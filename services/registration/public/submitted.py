"""What a browser or a program sent with a form, and the language it is answered in."""

from dataclasses import dataclass
from typing import Any

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from shared.http.request_data import (
    FORM_TYPES,
    JSON_TYPE,
    checked_key,
    fingerprint,
    idempotency_key,
    json_object,
    wants_page,
)
from shared.i18n.languages import chosen_language, named_language
from shared.public_forms.definition import FormDefinition
from shared.public_forms.fields import TRANSPORT_FIELDS, split_transport
from shared.public_forms.validation import from_form_encoded


@dataclass(frozen=True, slots=True)
class SubmittedForm:
    """A form as a request has submitted it.

    Attributes:
        answers: the answers as they came, unchecked.
        beside: the values that are sent beside the answers.
        key: the idempotency key, from the header or from a hidden field; empty if there is none.
        fingerprint: the hash of the content, without the key.
        as_page: whether a plain form in a browser sent it, so that the response is a page.
    """

    answers: dict[str, Any]
    beside: dict[str, Any]
    key: str
    fingerprint: bytes
    as_page: bool

    @property
    def fills_honeypot(self) -> bool:
        """Whether the field that no person sees was filled in."""
        return bool(self.beside.get("website"))

    @property
    def partner(self) -> str:
        """Slug of the partner it came through, as claimed."""
        return str(self.beside.get("partner") or "")


def read_submitted(definition: FormDefinition) -> SubmittedForm:
    """The request's content.

    Raises:
        BadRequest: cannot be parsed.
        UnsupportedMediaType: neither JSON nor a form.
    """
    if request.mimetype == JSON_TYPE:
        raw, as_page = json_object(), False
    elif request.mimetype in FORM_TYPES:
        beside = {name: request.form[name] for name in TRANSPORT_FIELDS if name in request.form}
        raw, as_page = {**from_form_encoded(definition, request.form), **beside}, wants_page()
    else:
        raise UnsupportedMediaType("application/json or a form is required")
    beside, answers = split_transport(raw)
    inside = beside.pop("idempotency_key", "")
    key = idempotency_key() or checked_key(inside if isinstance(inside, str) else "?")
    # a new proof of work for the same answers is the same request
    content = {name: value for name, value in {**answers, **beside}.items() if name != "altcha"}
    return SubmittedForm(answers, beside, key, fingerprint(definition.slug, content), as_page)


def own_language(beside: dict[str, Any], own: str) -> str:
    """The language of a page behind a person's link: asked for, else their own, else as anywhere."""
    return named_language(beside.get("lang")) or named_language(own) or language_of(beside, None)


def attempt_number() -> int:
    """Return how often a page that waits for a decision has loaded itself again, from its address; 0 at first."""
    text = request.args.get("again", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 3 else 0


def language_of(beside: dict[str, Any], partner_language: str | None) -> str:
    """The page's language: asked for, else the browser's, else the partner's, else English."""
    return chosen_language(beside.get("lang"), request.accept_languages, partner_language)
