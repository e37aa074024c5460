"""Finds a word in a dump however it is written: plain, as UTF-16, in hexadecimal, or in base64 at any offset."""

import base64
import re

HEX_RUN = re.compile(rb"(?:[0-9a-fA-F]{2}){8,}")
BASE64_RUN = re.compile(rb"[A-Za-z0-9+/_-]{12,}={0,2}")
URL_SAFE = bytes.maketrans(b"-_", b"+/")


def written_as(word: str) -> dict[str, bytes]:
    """``word`` (six bytes or more) as it may be in a dump, by the name of the encoding.

    Of base64 only what does not depend on the neighbours, at each of the three offsets.
    """
    plain = word.encode()
    forms = {"plain": plain, "utf-16": word.encode("utf-16-le"), "hex": plain.hex().encode()}
    forms |= {"HEX": plain.hex().upper().encode(), "hex of utf-16": word.encode("utf-16-le").hex().encode()}
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + plain)
        first = (offset * 8 + 5) // 6
        whole = (offset + len(plain)) * 8 // 6
        forms[f"base64 at {offset}"] = encoded[first:whole]
        forms[f"base64 for addresses at {offset}"] = encoded[first:whole].translate(bytes.maketrans(b"+/", b"-_"))
    return forms


def layers(dump: bytes, depth: int = 3) -> list[bytes]:
    """``dump`` itself, and what is in it once its hexadecimal and base64 runs are decoded, layer below layer."""
    found, layer = [dump], dump
    for _ in range(depth):
        inside = [bytes.fromhex(run.decode()) for run in HEX_RUN.findall(layer)]
        inside += [_decoded(run) for run in BASE64_RUN.findall(layer)]
        layer = b"\n".join(inside)
        if not layer:
            break
        found.append(layer)
    return found


def disguises_of(word: str, dump: bytes) -> list[str]:
    """The encodings of ``word`` in ``dump``; empty if there is none. Letters of either case count."""
    return [
        f"{name} in layer {number}"
        for number, layer in enumerate(layers(dump))
        for name, form in written_as(word).items()
        if (form.lower() in layer.lower() if "base64" not in name else form in layer)
    ]


def _decoded(run: bytes) -> bytes:
    """The bytes of a run of base64 that may have lost its end."""
    digits = run.rstrip(b"=").translate(URL_SAFE)
    return base64.b64decode(digits[: len(digits) // 4 * 4])
