"""Who somebody is in the eyes of the hospital's sign-in (OpenID Connect), and a sign-in that is under way."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as the issuer names them. Only ``issuer`` and ``subject`` together never change (Core 1.0, 5.7)."""

    issuer: str
    subject: str
    username: str = ""
    email: str = ""
    email_verified: bool = False

    @property
    def key(self) -> str:
        return f"{self.issuer} {self.subject}"


@dataclass(frozen=True, slots=True)
class Flow:
    """What binds the answer of the sign-in to the browser that asked.

    ``state`` to the browser, ``nonce`` to the token, ``verifier`` (RFC 7636) to whoever redeems the code.
    """

    state: str
    nonce: str
    verifier: str
    wanted: str = "/"
