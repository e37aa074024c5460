"""The three services. None imports another: what they know of each other came as a message."""

from pathlib import Path

EXAMPLE_VALUES = Path(__file__).with_name("example_values.json")
"""Sample values of fields, by name, for the examples of the OpenAPI documents of all services."""
