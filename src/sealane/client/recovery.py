"""Recovery keys: an identity as words on paper, whole or split so that any k of n holders have it back.

The words are SLIP-39 (Shamir's secret sharing for mnemonic codes, with a checksum in every share), made and read by its
authors' own library (docs/decisions/0008). What is shared is the identity's 32 bytes, without a passphrase. Words do
not say of which kind their key is: the recipient on the sheet does, and whoever puts it together says it. Pure.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics
from shamir_mnemonic.share import Share
from shamir_mnemonic.wordlist import WORDLIST

from sealane.client.failures import RecoveryWordsInvalid
from sealane.vault.age import keys
from sealane.vault.age.failures import KeyInvalid
from sealane.vault.age.hybrid import HybridIdentity
from sealane.vault.age.text import decode_bech32
from sealane.vault.age.x25519 import X25519Identity

if TYPE_CHECKING:
    from collections.abc import Sequence

RecoveryIdentity = HybridIdentity | X25519Identity

WORDS_A_SHARE: Final = 33
SHARES_MAX: Final = 16
TEXT_CHARACTERS_MAX: Final = 64 * 1024
_SEED_BYTES: Final = 32
_WORDS: Final = frozenset(WORDLIST)
_LETTERS_THAT_TELL: Final = 4
_BY_BEGINNING: Final = {word[:_LETTERS_THAT_TELL]: word for word in WORDLIST}
_NUMBER: Final = re.compile(r"[0-9]{1,2}[.:)]?")
_CLASSIC_RECIPIENT: Final = re.compile(r"age1[02-9ac-hj-np-z]{58}")
"""Of a post-quantum key the text is much longer."""
_RECIPIENT_BEGINS: Final = "age1"
_COLUMNS: Final = 3


@dataclass(frozen=True, slots=True)
class Split:
    """Any `needed` of `made` shares have the key back."""

    needed: int
    made: int

    def __post_init__(self) -> None:
        assert self.is_possible(self.needed, self.made)

    @staticmethod
    def is_possible(needed: int, made: int) -> bool:
        """Say whether a key can be split so. One of several would be copies: print the words as often as wanted."""
        return (needed, made) == (1, 1) or 2 <= needed <= made <= SHARES_MAX  # noqa: PLR2004  more than one


WHOLE: Final = Split(1, 1)


def shares_of(identity: RecoveryIdentity, split: Split = WHOLE) -> list[str]:
    """Return the shares of a recovery key, each 33 words. Every share has been tried in putting the key together."""
    seed = decode_bech32(identity.text())[1]
    (shares,) = generate_mnemonics(1, [(split.needed, split.made)], seed)
    for start in range(split.made):
        some = [shares[(start + step) % split.made] for step in range(split.needed)]
        assert combine_mnemonics(some) == seed, "shares that do not give the key back are never handed out"
    return shares


def identity_of(shares: Sequence[str], *, classic: bool = False) -> RecoveryIdentity:
    """Return the key that these shares make up; more than are needed are no harm. `classic`: it is an X25519 key.

    Raises `RecoveryWordsInvalid`, which says which share is mistyped, or how many are missing.
    """
    read = [_share(text, number) for number, text in enumerate(dict.fromkeys(shares), 1)]
    if not read:
        raise RecoveryWordsInvalid("There are no words of a recovery key here.")
    first = read[0]
    if any(share.common_parameters() != first.common_parameters() for share in read):
        raise RecoveryWordsInvalid("These shares are not all of the same key.")
    if first.group_count != 1 or any(share.member_threshold != first.member_threshold for share in read):
        raise RecoveryWordsInvalid("These shares were not made by 'sealane keys recovery new'.")
    by_index = {share.index: share for share in read}
    if len(by_index) < first.member_threshold:
        raise RecoveryWordsInvalid(
            f"{first.member_threshold} different shares are needed, and there are {len(by_index)}."
        )
    some = list(by_index.values())[: first.member_threshold]
    try:
        seed = combine_mnemonics([share.mnemonic() for share in some])
    except MnemonicError:
        raise RecoveryWordsInvalid("These shares do not make up a key.") from None
    if len(seed) != _SEED_BYTES:
        raise RecoveryWordsInvalid("These are words of something else than a recovery key.")
    return X25519Identity(seed) if classic else HybridIdentity(seed)


def names_classic(text: str) -> bool:
    """Say whether a text, a recipient or a printed sheet, names the recipient of a classic key."""
    return any(_CLASSIC_RECIPIENT.fullmatch(token) for token in text.split())


def recipients_in(texts: Sequence[str]) -> set[str]:
    """Return the recipients that stand in printed sheets."""
    found = set()
    for token in (token for text in texts for token in text.split() if token.startswith(_RECIPIENT_BEGINS)):
        with contextlib.suppress(KeyInvalid):
            found.add(str(keys.recipient(token)))
    return found


def is_share(text: str) -> bool:
    """Say whether these words are one share, without a mistake in it."""
    try:
        _share(text, 1)
    except RecoveryWordsInvalid:
        return False
    return True


def found_in(text: str) -> list[str]:
    """Return the shares in a text: a printed sheet, or words typed in, numbered or not, four letters of each or more.

    Raises `RecoveryWordsInvalid` where words are missing or over.
    """
    if len(text) > TEXT_CHARACTERS_MAX:
        raise RecoveryWordsInvalid("This is too long for words of a recovery key.")
    words: list[str] = []
    for line in text.lower().splitlines():
        tokens = [token for token in line.split() if not _NUMBER.fullmatch(token)]
        known = [_known(token) for token in tokens]
        if tokens and all(known):
            words += filter(None, known)
    if len(words) % WORDS_A_SHARE:
        raise RecoveryWordsInvalid(
            f"A share has {WORDS_A_SHARE} words, and {len(words)} were found. A line with a mistyped word counts for"
            " nothing: look for it."
        )
    return [" ".join(words[start : start + WORDS_A_SHARE]) for start in range(0, len(words), WORDS_A_SHARE)]


def sheet(share: str, *, number: int, split: Split, recipient: str, created: str) -> str:
    """Return one share as a page to print and lock away."""
    if split == WHOLE:
        title = "SEALANE RECOVERY KEY"
        what = "Whoever has these 33 words can open every file that is sealed to this recovery key."
    else:
        title = f"SEALANE RECOVERY KEY, SHARE {number} OF {split.made}"
        what = f"Any {split.needed} of the {split.made} shares together can open every file that is sealed to this key."
    words = share.split(" ")
    numbered = [f"{at:>4}  {word:<10}" for at, word in enumerate(words, 1)]
    rows = [numbered[start : start + _COLUMNS] for start in range(0, len(words), _COLUMNS)]
    grid = "\n".join("".join(row).rstrip() for row in rows)
    return (
        f"{title}\n\nMade {created}. {what}\n"
        "Keep it off the server and off every network, where fire and thieves do not come at once.\n\n"
        f"{grid}\n\n"
        f"To have the key back: sealane keys recovery combine{' --classic' if names_classic(recipient) else ''}\n"
        f"The recipient that the words belong to (give it to the server, it is no secret):\n\n{recipient}\n"
    )


def _share(text: str, number: int) -> Share:
    try:
        return Share.from_mnemonic(text)
    except MnemonicError:
        raise RecoveryWordsInvalid(
            f"Share {number} has a mistake in it: its checksum does not match. Compare it with the sheet, word by word."
        ) from None


def _known(token: str) -> str | None:
    """Return the word that is meant; the first four letters tell it from every other."""
    if token in _WORDS:
        return token
    found = _BY_BEGINNING.get(token[:_LETTERS_THAT_TELL])
    return found if found is not None and found.startswith(token) else None
