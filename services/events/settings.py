"""Settings of the events service: those that every service has."""

from collections.abc import Mapping

from shared.core.settings import Reader
from shared.process.settings import CommonSettings, read_common


def read_settings(environment: Mapping[str, str] | None = None) -> CommonSettings:
    """The settings in ``environment`` (this process's, if None).

    Raises:
        SettingsError: something is missing or wrong; it lists all of it.
    """
    reader = Reader(environment)
    settings = read_common(reader, "events")
    reader.finish()
    return settings
