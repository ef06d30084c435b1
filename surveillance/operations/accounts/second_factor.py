"""The second factor: time-based one-time passwords (RFC 6238) with recovery codes; never by SMS (ASVS 6.6.1)."""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

import pyotp
from cryptography.fernet import Fernet, InvalidToken
from sqlmodel import col, select

from surveillance.core.errors import ConflictError, InvalidInputError, UnavailableError
from surveillance.operations.work import Work
from surveillance.store.tables import RecoveryCode, User

ISSUER: Final = "surveillance"
STEP: Final = 30  # seconds (RFC 6238 section 4.1)
DRIFT: Final = 1  # steps that a telephone's clock may be off to either side (section 5.2)
CODES: Final = 10
_ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that is read as something else
_CODE_LENGTH: Final = 10  # of 31 letters: 49 bits, and throttled


class Safe:
    """Keeps the shared secrets encrypted, so that a copy of the database alone opens no account."""

    def __init__(self, key: str) -> None:
        self._fernet = Fernet(urlsafe_b64encode(sha256(b"second factor:" + key.encode()).digest()))

    def put(self, secret: str) -> str:
        return self._fernet.encrypt(secret.encode()).decode()

    def get(self, stored: str) -> str:
        """Raises UnavailableError where the service's key is another one than when the secret was stored."""
        try:
            return self._fernet.decrypt(stored.encode()).decode()
        except InvalidToken as error:
            raise UnavailableError(
                "the second factor cannot be read: SURVEILLANCE_SECRET_KEY has changed; an administrator resets it"
            ) from error


def begin(work: Work, user: User, safe: Safe) -> str:
    """A new shared secret for the telephone; it counts once ``confirm`` has seen a code made with it.

    Raises ConflictError where a second factor is set up already.
    """
    if user.totp_confirmed_at is not None:
        raise ConflictError("a second factor is set up already; remove it first")
    secret = pyotp.random_base32()
    user.totp_secret, user.totp_step = safe.put(secret), None
    work.session.flush()
    return secret


def shared(user: User, safe: Safe) -> str | None:
    """The secret that waits for its first code, to be shown again."""
    return safe.get(user.totp_secret) if user.totp_secret and user.totp_confirmed_at is None else None


def address(user: User, secret: str) -> str:
    """What the QR code holds (the otpauth scheme that authenticator apps read)."""
    return pyotp.TOTP(secret, interval=STEP).provisioning_uri(name=user.username, issuer_name=ISSUER)


def confirm(work: Work, user: User, safe: Safe, code: str) -> list[str]:
    """The telephone shows the right code: the second factor counts from now on. Returns the recovery codes, once.

    Raises:
        ConflictError: one is set up already; whoever has a password alone must not guess at its codes here.
        InvalidInputError: a wrong code.
    """
    if user.totp_confirmed_at is not None:
        raise ConflictError("a second factor is set up already; remove it first")
    if not _is_code(user, safe, code, work.now):
        raise InvalidInputError("this code is not right; the telephone's clock must be, too")
    user.totp_confirmed_at = work.now
    work.session.flush()
    work.audit("user.second_factor", user, before={"second_factor": False}, after={"second_factor": True})
    return new_recovery_codes(work, user)


def check(work: Work, user: User, safe: Safe, code: str) -> bool:
    """Whether a code proves who it is: one of the telephone, used for the first time, or an unused recovery code."""
    work.session.refresh(user, with_for_update=True)  # of two who send the same code at once, one comes in
    return _is_code(user, safe, code, work.now) or _recovers(work, user, code)


def _is_code(user: User, safe: Safe, code: str, now: datetime) -> bool:
    digits = "".join(code.split())
    if user.totp_secret is None or len(digits) != 6 or not digits.isascii() or not digits.isdigit():
        return False
    totp, step = pyotp.TOTP(safe.get(user.totp_secret), interval=STEP), int(now.timestamp()) // STEP
    for candidate in range(step - DRIFT, step + DRIFT + 1):
        fresh = user.totp_step is None or candidate > user.totp_step
        if fresh and secrets.compare_digest(totp.generate_otp(candidate), digits):
            user.totp_step = candidate
            return True
    return False


def _recovers(work: Work, user: User, code: str) -> bool:
    row = work.session.get(RecoveryCode, _hashed(user, code))
    if row is None or row.user_id != user.id or row.used_at is not None:
        return False
    row.used_at = work.now
    work.session.flush()
    work.audit("user.recovery_code", user, reason=f"{codes_left(work, user)} codes are left")
    return True


def new_recovery_codes(work: Work, user: User) -> list[str]:
    """Fresh recovery codes; those before are void."""
    for row in _codes(work, user):
        work.session.delete(row)
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH)) for _ in range(CODES)]
    work.session.add_all(RecoveryCode(code_hash=_hashed(user, code), user_id=user.id) for code in codes)
    work.session.flush()
    work.audit("user.recovery_codes", user)
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def codes_left(work: Work, user: User) -> int:
    return sum(row.used_at is None for row in _codes(work, user))


def remove(work: Work, user: User, reason: str) -> None:
    """Take the second factor away: a lost telephone, or another one. Who may is asked by the caller."""
    if not reason.strip():
        raise InvalidInputError("removing a second factor needs a reason")
    had = user.totp_confirmed_at is not None
    user.totp_secret = user.totp_confirmed_at = user.totp_step = None
    for row in _codes(work, user):
        work.session.delete(row)
    work.session.flush()
    work.audit("user.second_factor", user, before={"second_factor": had}, after={"second_factor": False}, reason=reason)


def _codes(work: Work, user: User) -> Sequence[RecoveryCode]:
    statement = select(RecoveryCode).where(RecoveryCode.user_id == user.id)
    return work.session.exec(statement.order_by(col(RecoveryCode.code_hash))).all()


def _hashed(user: User, code: str) -> str:
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return sha256(f"{user.id.hex}:{plain}".encode()).hexdigest()
