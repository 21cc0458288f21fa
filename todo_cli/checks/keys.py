"""Whether a token's signature is genuine, by the user pool's published keys (RFC 7515, RS256)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from todo_cli.checks.world import unpadded

SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017, section 9.2


def signed_by(keys: list[dict[str, Any]], token: str) -> bool:
    """Tell whether one of the keys, the one that the token names, has signed it."""
    signed, _, signature = token.rpartition(".")
    head = json.loads(unpadded(signed.partition(".")[0]))
    key = next((found for found in keys if found.get("kid") == head.get("kid")), None)
    if key is None or head.get("alg") != "RS256":
        return False
    modulus, exponent = (int.from_bytes(unpadded(key[name])) for name in ("n", "e"))
    size = (modulus.bit_length() + 7) // 8
    shown = pow(int.from_bytes(unpadded(signature)), exponent, modulus).to_bytes(size)
    digest = SHA256_PREFIX + hashlib.sha256(signed.encode()).digest()
    return shown == b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
