"""Makes the OpenAPI document of a service's operations, when somebody first asks for it.

flask-smorest would make it while it registers the routes: a tenth of a second at each start of a web process, for a
page that few ever open. So an application takes the routes alone, and the document is made on another one, which serves
nothing.
"""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask
from flask_smorest import Api

from shared.core.version import running_version
from shared.web.document.examples import add_examples, read_examples
from shared.web.problems import ProblemSchema

Document = dict[str, Any]


class ProblemApi(Api):
    """flask-smorest with its error format replaced by RFC 9457."""

    ERROR_SCHEMA = ProblemSchema

    def _register_error_handlers(self) -> None:
        """Nobody asks this application anything."""


def made_once(title: str, operations: Sequence[Any], examples: Path | None = None) -> Callable[[], Document]:
    """Something that gives the document (OpenAPI 3.1), and makes it at the first call.

    Args:
        title: of the document.
        operations: flask-smorest blueprints, with every route that stands in it.
        examples: file with examples; None for none.
    """

    @cache
    def document() -> Document:
        app = Flask(__name__, static_folder=None)
        version = f"v1 ({running_version()})"
        app.config.update(API_TITLE=title, API_VERSION=version, OPENAPI_VERSION="3.1.0")
        api = ProblemApi(app)
        for blueprint in operations:
            api.register_blueprint(blueprint)
        made: Document = api.spec.to_dict()
        add_examples(made, read_examples(examples))
        return made

    return document
