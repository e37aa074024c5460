"""Digital signatures (Ed25519, RFC 8032): one process signs, and holders of the public key can only verify."""

from itsdangerous.signer import SigningAlgorithm
from nacl.exceptions import CryptoError
from nacl.signing import SigningKey, VerifyKey

SIGNATURE_BYTES = 64


def verifying_key_of(private: bytes) -> bytes:
    """The public half (32 bytes, Ed25519) of a private key of 32 bytes."""
    return bytes(SigningKey(private).verify_key)


class Ed25519(SigningAlgorithm):
    """Signatures for itsdangerous, which expects a subclass. It signs with private keys and verifies with public ones.

    Args:
        purpose: what is signed; a signature for another purpose is refused.
    """

    def __init__(self, purpose: str) -> None:
        self._purpose = f"{purpose}\0".encode()

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        """The signature of ``value`` by the private ``key``."""
        return SigningKey(key).sign(self._purpose + value).signature

    def verify_signature(self, key: bytes, value: bytes, sig: bytes) -> bool:
        """Whether ``sig`` is the signature of ``value`` by the private half of ``key``."""
        if len(sig) != SIGNATURE_BYTES:
            return False
        try:
            VerifyKey(key).verify(self._purpose + value, sig)
        except CryptoError:
            return False
        return True
