"""The shape of a challenge for a proof of work, as the interfaces of all services describe it."""

import marshmallow as ma


class ChallengeSchema(ma.Schema):
    """A challenge of the ALTCHA protocol; widgets and libraries of it solve it as it is."""

    parameters = ma.fields.Dict(
        keys=ma.fields.String(),
        required=True,
        metadata={
            "description": "`algorithm`, `cost`, `keyLength`, `keyPrefix`, `nonce`, `salt`, `expiresAt` (Unix time, "
            "seconds), `keySignature`, and `data` with the `form` and the most `tries` it takes"
        },
    )
    signature = ma.fields.String(required=True, metadata={"description": "Send it back as it is"})
