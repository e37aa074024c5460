"""Builds the keys of sealed answers, for the web application and whoever loads forms. No worker needs them."""

from services.registration.settings import RegistrationSettings
from services.registration.store.form_keys import FormKeys


def build_form_keys(settings: RegistrationSettings) -> FormKeys:
    """The keys of sealed answers."""
    return FormKeys(settings.form_keys_folder, settings.master_keys)
