"""RS256 keys, the JWTs signed with them, and the documents that publish them. No I/O, no clock."""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_KEY_BITS = 2048
_MAX_TOKEN_CHARACTERS = 16_384

Claims = dict[str, Any]


def encoded(raw: bytes) -> str:
    """Base64url without padding, the form of JWTs (RFC 7515)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes | None:
    """The bytes behind base64url without padding; None when it is none."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None


@dataclass(frozen=True)
class SigningKey:
    """One RSA key and the name under which its public half is published."""

    kid: str
    private: rsa.RSAPrivateKey

    @classmethod
    def generate(cls) -> "SigningKey":
        """A new key; takes a few tenths of a second of CPU."""
        return cls._of(rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS))

    @classmethod
    def from_pem(cls, pem: str) -> "SigningKey":
        """The key that `pem` wrote.

        Raises:
            ValueError: the text is no RSA key.
        """
        found = serialization.load_pem_private_key(pem.encode(), password=None)
        if not isinstance(found, rsa.RSAPrivateKey):
            raise ValueError("not an RSA key")  # noqa: TRY004 (what is wrong is the file)
        return cls._of(found)

    @classmethod
    def _of(cls, private: rsa.RSAPrivateKey) -> "SigningKey":
        numbers = private.public_key().public_numbers()
        digest = hashlib.sha256(numbers.n.to_bytes(_KEY_BITS // 8, "big")).digest()
        return cls(base64.b64encode(digest).decode(), private)

    def pem(self) -> str:
        """The private key as text, to be kept where only its owner reads."""
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def public(self) -> dict[str, str]:
        """The key's entry in a JWKS document (UP-89)."""
        numbers = self.private.public_key().public_numbers()
        modulus = encoded(numbers.n.to_bytes(_KEY_BITS // 8, "big"))
        return {"alg": "RS256", "e": "AQAB", "kid": self.kid, "kty": "RSA", "n": modulus, "use": "sig"}

    def sign(self, claims: Claims) -> str:
        """The claims as a JWT."""
        header = encoded(json.dumps({"kid": self.kid, "alg": "RS256"}, separators=(",", ":")).encode())
        payload = encoded(json.dumps(claims, separators=(",", ":")).encode())
        signature = self.private.sign(f"{header}.{payload}".encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{header}.{payload}.{encoded(signature)}"

    def verifies(self, token: str) -> bool:
        """Whether this key signed the token."""
        signed, _, last = token.rpartition(".")
        signature = decoded(last)
        if signature is None:
            return False
        try:
            self.private.public_key().verify(signature, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class UnverifiedToken:
    """What a JWT says about itself, believed by nobody yet."""

    header: Claims
    claims: Claims


def read(token: str) -> UnverifiedToken | None:
    """The parts of a JWT; None when the text is none."""
    if len(token) > _MAX_TOKEN_CHARACTERS or token.count(".") != 2:
        return None
    parts = [_object(decoded(part)) for part in token.split(".")[:2]]
    header, claims = parts
    return None if header is None or claims is None else UnverifiedToken(header, claims)


def _object(raw: bytes | None) -> Claims | None:
    try:
        found = json.loads(raw or b"")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


@dataclass(frozen=True)
class PoolKeys:
    """What a user pool signs with: different keys for ID and access tokens (UP-89), and a secret for the rest.

    Attributes:
        secret: 32 bytes, for refresh tokens and the simulated users of UP-55.
    """

    identity: SigningKey
    access: SigningKey
    secret: bytes

    @classmethod
    def generate(cls, secret: bytes) -> "PoolKeys":
        """Keys of a pool that has none."""
        return cls(SigningKey.generate(), SigningKey.generate(), secret)

    @classmethod
    def from_text(cls, text: str) -> "PoolKeys":
        """The keys that `text` wrote.

        Raises:
            ValueError: the text is something else.
        """
        kept = json.loads(text)
        return cls(
            SigningKey.from_pem(kept["identity"]), SigningKey.from_pem(kept["access"]), bytes.fromhex(kept["secret"])
        )

    def text(self) -> str:
        """All of it, to be kept where only its owner reads."""
        return json.dumps({"identity": self.identity.pem(), "access": self.access.pem(), "secret": self.secret.hex()})

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The JWKS document of the pool."""
        return {"keys": [self.identity.public(), self.access.public()]}


def issuer(pool_id: str) -> str:
    """`iss`, also when the stack listens elsewhere (UP-90)."""
    return f"https://{provider_name(pool_id)}"


def provider_name(pool_id: str) -> str:
    """The pool's name among an identity pool's logins (IP-02)."""
    return f"cognito-idp.{pool_id.partition('_')[0]}.amazonaws.com/{pool_id}"


def openid_configuration(pool_id: str) -> dict[str, Any]:
    """The OpenID discovery document of the pool."""
    address = issuer(pool_id)
    return {
        "id_token_signing_alg_values_supported": ["RS256"],
        "issuer": address,
        "jwks_uri": f"{address}/.well-known/jwks.json",
        "response_types_supported": ["code", "token"],
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "subject_types_supported": ["public"],
    }
