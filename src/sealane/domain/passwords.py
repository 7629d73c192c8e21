"""Passwords: argon2id with fixed parameters (RFC 9106).

Must stay true: `hashed` and `is_right` are slow on purpose, so the keeper runs them in a pool of their own and never in
a transaction; what a password may be is asked before, by `check`.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from sealane.operations.failures import PasswordInvalid, PasswordWeak

if TYPE_CHECKING:
    from sealane.settings import Settings

# 64 MiB and three passes, the memory-constrained choice of RFC 9106, 4; one lane, since the pool gives the parallelism.
_HASHER = PasswordHasher(
    time_cost=3, memory_cost=64 * 1024, parallelism=1, hash_len=32, salt_len=16, encoding="utf-8", type=Type.ID
)
_JUDGED_MAX = 72
"""Characters that are looked at: more cannot be weaker, and take ever longer."""
NOBODYS_HASH = "$argon2id$v=19$m=65536,t=3,p=1$NmZtS2dRb2l3Z3JhZ3JhZw$u0eO4nXxYh9tOq7p2fVwqf1H0c9dFqmI8JmJv3oWk9E"
"""Checked where there is no user or no password, so that it takes as long. Nothing hashes to it."""


def check(password: str, settings: Settings) -> None:
    """Raise `PasswordInvalid` for what may not become a password: too short or too long by the settings, or no text."""
    if len(password) < settings.password_characters_min:
        raise PasswordInvalid(f"The password needs {settings.password_characters_min} characters or more.")
    if len(password) > settings.password_characters_max:
        raise PasswordInvalid(f"The password may have {settings.password_characters_max} characters at most.")
    try:
        password.encode()
    except UnicodeEncodeError:
        raise PasswordInvalid("The password must be UTF-8 text.") from None


def check_strength(password: str, settings: Settings, *known: str) -> None:
    """Raise `PasswordWeak` for a password that would be guessed soon, by somebody who knows these words of its owner.

    Guesses are estimated as attackers make them (zxcvbn: lists of words, names and passwords, dates, rows of keys,
    repetition). Asked where somebody chooses a password of their own; what an operator sets is their own affair.
    """
    from zxcvbn import zxcvbn  # noqa: PLC0415  # its lists of words are read by whoever needs them

    check(password, settings)
    words = [part for word in known for part in (word, *word.replace("@", " ").replace(".", " ").split()) if part]
    if zxcvbn(password[:_JUDGED_MAX], user_inputs=words)["score"] < settings.password_score_min:
        raise PasswordWeak


def hashed(password: str) -> str:
    """Return the hash to store of a password that `check` has passed."""
    return _HASHER.hash(_normal(password))


def is_right(stored: str, password: str) -> bool:
    """Return whether this is the password of a stored hash. Takes about as long for every hash."""
    try:
        return _HASHER.verify(stored, _normal(password))
    except (VerificationError, InvalidHashError):
        return False


def _normal(password: str) -> str:
    """Return normal form C, as RFC 8265, 4.2 asks: one password, whichever keyboard typed it."""
    return unicodedata.normalize("NFC", password)
