"""What is kept for a program, or handed to it, and nobody else may read: sealed with a key made from its own token.

The token is stored nowhere, so a copy of the database opens nothing that was sealed.
"""

import json
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Seal:
    """Seals small JSON values as URL-safe text; only the same token opens them."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def close(self, value: Any) -> str:
        return self._box.encrypt(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")

    def open(self, text: str) -> Any:
        """Raises ValueError for what was not sealed with this token."""
        try:
            return json.loads(self._box.decrypt(text.encode() + b"=" * (-len(text) % 4)))
        except InvalidToken as error:
            raise ValueError("not sealed with this token") from error

    @property
    def _box(self) -> Fernet:
        # A token has 256 random bits, so that no slow derivation is needed (RFC 5869 section 3.1).
        derived = HKDF(SHA256(), 32, salt=None, info=b"surveillance api").derive(self._secret.encode())
        return Fernet(urlsafe_b64encode(derived))
