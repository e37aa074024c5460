"""What a participant's browser and mail program do, for programs: solve a proof of work, find the link in a mail."""

import re
from email import message_from_bytes, policy

import requests
from altcha import Challenge, Payload, solve_challenge

REQUEST_TIMEOUT_S = 10.0


def solved_challenge(public_url: str, form: str) -> dict[str, str]:
    """Return the field with a proof of work for a form, as a browser sends it.

    Raises:
        requests.RequestException: no challenge is given.
    """
    asked = requests.get(f"{public_url}/v1/challenge", params={"form": form}, timeout=REQUEST_TIMEOUT_S)
    asked.raise_for_status()
    challenge = Challenge.from_dict(asked.json())
    solution = solve_challenge(challenge)
    return {"altcha": Payload(challenge, solution).to_base64()} if solution else {}


def link_in(mail: bytes, public_url: str, kind: str = "r") -> str:
    """The person's own link in the text of a mail, or another ``kind`` of link; empty if there is none."""
    text = message_from_bytes(mail, policy=policy.default).get_body(("plain",))
    found = re.search(re.escape(f"{public_url}/{kind}/") + r"[\w-]+", str(text.get_content()) if text else "")
    return found[0] if found else ""
