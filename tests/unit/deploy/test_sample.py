"""Values that are in two of the sample's files agree."""

import yaml

from deploy.local.installation import SAMPLE


def test_proposals_are_asked_about_the_days_on_which_side_events_can_be() -> None:
    forms = yaml.safe_load((SAMPLE / "forms.yaml").read_text())
    rooms = yaml.safe_load((SAMPLE / "rooms.yaml").read_text())
    assert [form["days"] for form in forms if form["kind"] == "proposal"] == [rooms["days"]]
