"""To whom a sealed folder's files are sealed: its readers' public keys and the organization's recovery keys.

A reader is who is granted to read the folder, by themselves or by a group. A header is all post-quantum or all
classic: the stronger kind is taken where everybody who has any key has one of it, and where neither kind does for all,
nothing is sealed and whoever asks is told who needs which key. An organization that has recovery keys of both kinds
is sealed to those of the kind that is taken; that it has any, and none of that kind, never goes by in silence. Not
here: writing headers (sealing.py, headers.py).
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealane.domain import places
from sealane.domain.queries import sealed_folders as sealed_queries
from sealane.domain.rights import Act, Right, may
from sealane.errors import Invalid, NotAllowed, SealaneError
from sealane.ledger.limits import TEXT_BYTES_MAX
from sealane.operations.failures import NoRecipients, RecipientsDiffer, TooManyRecipients
from sealane.operations.sealing import RecipientOf, RecipientsAre
from sealane.vault.age import keys as age_keys
from sealane.vault.age.failures import KeyInvalid
from sealane.vault.age.header import FILE_KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealane.domain.work import Caller, Work
    from sealane.ids import FolderId, OrganizationId, UserId
    from sealane.operations.sealing import Recipients
    from sealane.vault.age.keys import Recipient

RECIPIENT_CHARACTERS_MAX: Final = 4096
RECIPIENTS_MAX: Final = 500
"""Public keys that one file is sealed to: a header of so many post-quantum ones takes about 800 KiB, and no reader of
age files takes one of any length."""
_TOLD_DIGEST_BYTES: Final = 16
"""So short that as many as a file may be sealed to fit into one text of the ledger."""
_KEYS_KNOWN_MAX: Final = 2048
"""Public keys that are remembered as they were read, of a few kilobytes each."""
_ED25519_BLOB: Final = b"\0\0\0\x0bssh-ed25519"
_THE_RECOVERY_KEY: Final = "the recovery key"
_KINDS: Final = {"hybrid": "post-quantum (age1pq…)", "classic": "classic (age1…, ssh-ed25519)"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """Whom a file is sealed to."""

    keys: tuple[RecipientOf, ...]
    without_key: tuple[str, ...]
    """Readers who have no key at all."""

    def texts(self) -> tuple[str, ...]:
        """Return the public keys as text, in order."""
        return tuple(one.recipient for one in self.keys)

    def parsed(self) -> list[Recipient]:
        """Return the public keys."""
        return [_recipient(one.recipient) for one in self.keys]

    @property
    def kind(self) -> str:
        """`hybrid` or `classic`; all keys of a file are of one."""
        return next(kind for kind in _KINDS if _of_kind([self.keys[0].recipient], kind))

    @property
    def ways(self) -> int:
        """How many different people or off-line keys can open a file."""
        return len({one.user for one in self.keys if one.user}) + sum(one.recovery for one in self.keys)

    def nameless(self) -> Recipe:
        """Return the same keys without whose they are."""
        return Recipe(tuple(RecipientOf(one.recipient, "", one.recovery) for one in self.keys), ())


def checked(text: str) -> str:
    """Return a public key as it is kept. Raises `Invalid`, `KeyInvalid` for what cannot be sealed to."""
    sound = text.isascii() and text.isprintable() and len(text) <= RECIPIENT_CHARACTERS_MAX
    if not sound or text != text.strip():
        raise Invalid("A recipient is an age public key: age1… or an ssh-ed25519 line.")
    kept = _kept_form(text)
    if not is_sound(kept):
        raise KeyInvalid("Nothing can be sealed to this key: it is not one that a key pair has.")
    return kept


@functools.lru_cache(maxsize=_KEYS_KNOWN_MAX)
def _recipient(text: str) -> Recipient:
    """Return a public key. The same few are named with every file, and a post-quantum one takes 5 ms to read."""
    return age_keys.recipient(text)


@functools.lru_cache(maxsize=_KEYS_KNOWN_MAX)
def _kept_form(text: str) -> str:
    return str(_recipient(text))


@functools.lru_cache(maxsize=_KEYS_KNOWN_MAX)
def is_sound(text: str) -> bool:
    """Return whether a file can be sealed to a key: not to a point of low order, which nobody has the secret of."""
    try:
        _recipient(text).wrap(bytes(FILE_KEY_BYTES))
    except (SealaneError, ValueError):
        return False
    return True


def of_folder(work: Work, folder_id: FolderId, organization: OrganizationId) -> Recipe:
    """Return whom files of a folder are sealed to. Raises `NoRecipients`, `RecipientsDiffer`, `TooManyRecipients`."""
    readers = readers_of(work, folder_id)
    own = _keys_of(work, readers)
    recoveries = [row.recipient for row in work.transaction.all(sealed_queries.RECOVERIES, organization=organization)]
    holders = [(name, own[user]) for user, name in readers.items() if own.get(user)]
    if recoveries:
        holders.append(("", recoveries))
    if not holders:
        raise NoRecipients
    for kind in _KINDS:
        chosen = [(name, _of_kind(texts, kind)) for name, texts in holders]
        if all(texts for _, texts in chosen):
            keys = {text: name for name, texts in reversed(chosen) for text in reversed(texts)}
            if len(keys) > RECIPIENTS_MAX:
                raise TooManyRecipients
            without = tuple(sorted(name for user, name in readers.items() if not own.get(user)))
            found = (RecipientOf(text, name, recovery=not name) for text, name in reversed(keys.items()))
            return Recipe(tuple(found), without)
    raise RecipientsDiffer(_advice(holders))


def for_caller(work: Work, caller: Caller, folder: places.Folder) -> Recipe:
    """Return whom files of a folder are sealed to, as this caller may be told. Raises what `of_folder` raises.

    Who may only write there needs the keys. Whose they are is told to those who may read, and to the folder's own
    organization: a partner does not learn who its readers are.
    """
    knows = caller.organization_id == folder.organization_id or may(caller, Act.READ_FILE, folder.rights)
    try:
        recipe = of_folder(work, folder.id, folder.organization_id)
    except RecipientsDiffer:
        if knows:
            raise
        raise RecipientsDiffer from None
    return recipe if knows else recipe.nameless()


def on_record(texts: Iterable[str]) -> str:
    """Return public keys as the ledger keeps them (docs/formats/ledger.md, 6): many long ones by their digests."""
    told = tuple(texts)
    whole = "\n".join(told)
    if len(whole) <= TEXT_BYTES_MAX:
        return whole
    digests = (hashlib.sha256(one.encode()).digest()[:_TOLD_DIGEST_BYTES] for one in told)
    return "\n".join("sha256/" + base64.urlsafe_b64encode(one).decode().rstrip("=") for one in digests)


def readers_of(work: Work, folder_id: FolderId) -> dict[UserId, str]:
    """Return who may read a folder: user ids to `NAME@ORG`."""
    above = [link.id for link in work.tree.chain(work.transaction, folder_id)]
    granted: dict[UserId, Right] = defaultdict(lambda: Right(0))
    found: dict[UserId, str] = {}
    for row in work.transaction.all(sealed_queries.GRANTEES, folders=above):
        granted[row.user_id] |= Right(row.rights)
        found[row.user_id] = f"{row.name}@{row.organization}"
    return {user: name for user, name in found.items() if Right.READ in granted[user]}


def recipients(work: Work, caller: Caller, op: Recipients) -> RecipientsAre:
    """Say whom files at a path are sealed to, to whoever may read or write there."""
    folder = _folder_at(work, caller, op.path)
    if not (may(caller, Act.READ_FILE, folder.rights) or may(caller, Act.WRITE_FILE, folder.rights)):
        raise NotAllowed
    if folder.row.sealed_by is None:
        return RecipientsAre(sealed=False)
    recipe = for_caller(work, caller, folder)
    return RecipientsAre(sealed=True, recipients=recipe.keys, without_key=recipe.without_key)


def _folder_at(work: Work, caller: Caller, path: str) -> places.Folder:
    """Return the folder at a path, or the one that a file of this path is in or would be in."""
    parent = places.root_of(work, caller) if path in {"", "/"} else None
    if parent is not None:
        return parent
    folder, name = places.find_parent(work, caller, path)
    return places.child_folder(work, caller, folder, name) or folder


def _keys_of(work: Work, users: Iterable[UserId]) -> dict[UserId, list[str]]:
    """Return users' public keys: those given as recipients, else their ssh-ed25519 keys."""
    wanted = list(users)
    keys: dict[UserId, list[str]] = defaultdict(list)
    for row in work.transaction.all(sealed_queries.KEYS_OF, users=wanted):
        keys[row.user_id].append(row.recipient)
    rest = [user for user in wanted if user not in keys]
    for row in work.transaction.all(sealed_queries.SSH_KEYS_OF, users=rest):
        text = f"ssh-ed25519 {base64.b64encode(row.blob).decode('ascii')}"
        if row.blob.startswith(_ED25519_BLOB) and is_sound(text):
            keys[row.user_id].append(text)
    return keys


def _of_kind(texts: list[str], kind: str) -> list[str]:
    return [text for text in texts if (text.startswith("age1pq1")) == (kind == "hybrid")]


def _advice(holders: list[tuple[str, list[str]]]) -> str:
    """Say who stands in the way of which kind."""
    lacking = {
        kind: sorted({name or _THE_RECOVERY_KEY for name, texts in holders if not _of_kind(texts, kind)})
        for kind in _KINDS
    }
    said = "; ".join(f"no {_KINDS[kind]} key: {', '.join(names[:5])}" for kind, names in lacking.items())
    return (
        "A file is sealed to post-quantum keys only or to classic keys only, and this folder's recipients have no kind"
        f" in common ({said}). Give everybody a key of one kind (sealane user recipient add NAME@ORG age1…)."
        f"{_recovery_advice(lacking)}"
    )


def _recovery_advice(lacking: dict[str, list[str]]) -> str:
    """Say how the recovery key is got out of the way where it alone stands in it."""
    for kind, wanted in (("classic", " --classic"), ("hybrid", "")):
        if lacking[kind] == [_THE_RECOVERY_KEY]:
            return (
                f" Or add a recovery key of the readers' kind: sealane keys recovery new{wanted}, then sealane org"
                " recovery add. What others there are stay for the folders of their kind."
            )
    return ""
