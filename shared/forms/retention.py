"""How long what people answered is kept."""

from datetime import timedelta

from shared.forms.definition import FormDefinition

CONTACT_DAYS = 90
"""Days after the last day of a form that an answer is kept whose field says nothing else."""


def longest_kept(definition: FormDefinition) -> timedelta:
    """How long after its last day the last of the form's answers is kept."""
    days = [CONTACT_DAYS if field.retention_days is None else field.retention_days for field in definition.fields]
    return timedelta(days=max(days, default=CONTACT_DAYS))
