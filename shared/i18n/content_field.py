"""Texts by language in requests, answers and messages: one marshmallow field for all of them."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields

from shared.i18n.content import DEFAULT, Text, text_reader
from shared.i18n.languages import LANGUAGES


class TextByLanguage(fields.Field[Text]):
    """A text as an object by language (``{"en": "Housing", "fr": "Logement"}``).

    A plain string is taken as the text in the default language; what is answered is always the object.
    """

    def __init__(self, most: int, description: str = "", *, least: int = 1, written: bool = True, **more: Any) -> None:
        """Make the field.

        Args:
            most: characters in each language.
            description: for the generated documents.
            least: 1 if it must have a text, 0 if it may be empty.
            written: whether somebody writes it here, in the default language at least and perhaps as a plain string.
                In answers and messages it is the object, and some texts of others lack that language.
            more: as for other fields.
        """
        self._read = text_reader(most, required=least > 0, in_default=written)
        one = {"type": "string", "maxLength": most, "pattern": r"^[^\x00]*$"}
        needed = one | {"minLength": least}
        by_language = {
            "type": "object",
            "properties": dict.fromkeys(LANGUAGES, one) | ({DEFAULT: needed} if written else {}),
            "additionalProperties": False,
            **({} if not least else {"required": [DEFAULT]} if written else {"minProperties": 1}),
        }
        schema = {"anyOf": [by_language, needed]} if written else by_language
        described = {"description": description} if description else {}
        super().__init__(metadata={**schema, **described}, **more)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **more: Any) -> dict[str, str]:
        return Text.of(value).as_mapping

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> Text:
        try:
            return self._read(value)
        except ValueError as error:
            raise ValidationError(str(error)) from None
