"""The key chain: key file of the node - key of the organization - key of the upload; and what authenticates a version.

Lives here: making, wrapping and unwrapping keys, the version's authenticator, wrapping of the node's other secrets
(the SSH host key). Not here: rows that hold wrapped keys (domain), the encryption of contents (`segments.py`).
Must stay true: no key is stored but wrapped, save the node's key file (mode 0400), which is durable before anything is
wrapped by it; every wrap binds its purpose and whose it is, so that a row put in another's place does not open;
rotation wraps anew and touches no content.

Wrapped form: version (1 byte) | node key generation (4 bytes, only under a node key) | nonce (12) | AES-256-GCM.
"""

from __future__ import annotations

import contextlib
import hmac
import re
import secrets
from collections import OrderedDict
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sealane.errors import Integrity, KeyFileInvalid, SealaneError
from sealane.ids import KeyId, SegmentId  # fields of a NamedTuple
from sealane.vault.disk import Disk, open_root, told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sealane.ids import FileId, OrganizationId, VersionId

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_FORM: Final = b"\x01"
_GENERATION_BYTES: Final = 4
_KEY_FILE: Final = re.compile(r"node-([1-9][0-9]{0,8})\.key")
_UNFINISHED: Final = ".part"
_KEY_FILE_HEAD: Final = b"sealane node key 1\n"
_UNWRAPPED_KEPT_MAX: Final = 256
"""Organizations' keys that are kept unwrapped in memory; a node with more unwraps again now and then."""


class AuthenticatedSegment(NamedTuple):
    """What a version's authenticator binds of each segment."""

    segment: SegmentId
    key_id: KeyId
    length: int
    tags_digest: bytes


class OrganizationKey:
    """An organization's unwrapped key: opens and closes its upload keys, vouches for its versions. Never printed."""

    __slots__ = ("_notes", "_secret", "_versions", "_wrapping", "organization")

    def __init__(self, organization: OrganizationId, secret: bytes) -> None:
        """Take the two halves: a wrapping key, which rotation replaces, and a seed, which stays.

        From the seed come the key that vouches for versions and the one that seals notes.
        """
        assert len(secret) == 2 * KEY_BYTES
        self.organization = organization
        self._secret = secret
        self._wrapping = AESGCM(secret[:KEY_BYTES])
        self._versions = _derived(secret[KEY_BYTES:], b"sealane versions 1")
        self._notes = AESGCM(_derived(secret[KEY_BYTES:], b"sealane notes 1"))

    def new_upload_key(self) -> tuple[bytes, bytes]:
        """Return a fresh upload key and its wrapped form."""
        key = secrets.token_bytes(KEY_BYTES)
        return key, self.wrap_upload_key(key)

    def wrap_upload_key(self, key: bytes) -> bytes:
        """Wrap an upload key for this organization."""
        return _wrap(self._wrapping, key, self._upload_purpose())

    def unwrap_upload_key(self, wrapped: bytes) -> bytes:
        """Return an upload key. Raises `Integrity` for one that was altered or belongs to another organization.

        That it is the key of that very segment is not bound here: a segment opens under its own key only, and the
        version's authenticator names the key of each.
        """
        return _unwrap(self._wrapping, wrapped, self._upload_purpose())

    def seal_note(self, note: bytes) -> bytes:
        """Seal words of the keeper's own that a door carries for it and hands back."""
        return _wrap(self._notes, note, self._note_purpose())

    def open_note(self, sealed: bytes) -> bytes:
        """Return the words of a note. Raises `Integrity` for one that was altered or is another organization's."""
        return _unwrap(self._notes, sealed, self._note_purpose())

    def authenticate(
        self, version: VersionId, file: FileId, size: int, extents: bytes, segments: Iterable[AuthenticatedSegment]
    ) -> bytes:
        """Return the authenticator (32 bytes) of a version: its ids, size, packed extents and every segment it names.

        docs/formats/segment.md, "The authenticator". The order of `segments` does not matter.
        """
        named = sorted(segments)
        name = version.encode()
        parts = [b"sealane version 1\0", len(name).to_bytes(2, "big"), name]
        parts += (number.to_bytes(8, "big") for number in (file, size, len(extents)))
        parts += (extents, len(named).to_bytes(8, "big"))
        for segment in named:
            assert len(segment.tags_digest) == sha256().digest_size
            parts += (
                bytes.fromhex(segment.segment),
                segment.key_id.to_bytes(8, "big"),
                segment.length.to_bytes(8, "big"),
                segment.tags_digest,
            )
        return hmac.digest(self._versions, b"".join(parts), "sha256")

    def check(
        self,
        authenticator: bytes,
        *,
        version: VersionId,
        file: FileId,
        size: int,
        extents: bytes,
        segments: Iterable[AuthenticatedSegment],
    ) -> None:
        """Raise `Integrity` unless `authenticate` gave this authenticator for exactly this."""
        if not hmac.compare_digest(authenticator, self.authenticate(version, file, size, extents, segments)):
            raise Integrity

    def rotated(self) -> OrganizationKey:
        """Return the organization's next key: a new wrapping key, the same voice for versions."""
        return OrganizationKey(self.organization, secrets.token_bytes(KEY_BYTES) + self._secret[KEY_BYTES:])

    def __repr__(self) -> str:
        return f"OrganizationKey(organization={self.organization})"

    def _note_purpose(self) -> bytes:
        return b"sealane note\0" + self.organization.to_bytes(8, "big")

    def _upload_purpose(self) -> bytes:
        return b"sealane upload key\0" + self.organization.to_bytes(8, "big")


class NodeKeys:
    """The node's key files, `node-N.key` in one folder: the newest wraps, every one there unwraps.

    Used by the keeper's one writer thread, under the lease of the node. Never printed.
    """

    __slots__ = ("_ciphers", "_folder", "_unwrapped")

    def __init__(self, folder: _KeyFolder, keys: dict[int, bytes]) -> None:
        """Use `open` instead."""
        self._folder = folder
        self._ciphers = {generation: AESGCM(key) for generation, key in keys.items()}
        self._unwrapped: OrderedDict[tuple[OrganizationId, bytes], OrganizationKey] = OrderedDict()

    @classmethod
    def open(cls, folder: Path, *, may_create: bool = True, disk: Disk | None = None) -> Self:
        """Read the key files; make the folder and the first key where there is none and `may_create` says so.

        Whoever knows that wrapped keys exist (a database that is not empty) passes `may_create=False`: a lost key file
        must be told, not replaced. Every key is durable when this returns. Raises `KeyFileInvalid`, `Unavailable`.
        """
        files = _KeyFolder(disk or Disk(), folder)
        generations = files.generations(may_make_folder=may_create)
        if not generations:
            if not may_create:
                raise KeyFileInvalid(
                    f"The node's key file is not in {folder}. Restore it from your backup of the keys."
                )
            files.write(1)
            generations = [1]
        return cls(files, {generation: files.read(generation) for generation in generations})

    @property
    def generation(self) -> int:
        """The generation that wraps now."""
        return max(self._ciphers)

    def rotate(self) -> int:
        """Make the next node key, durable before this returns, and wrap with it from now on. Old ones still unwrap.

        The caller then wraps every organization's key and node secret anew (`rewrap_organization`, `wrap_secret`). Old
        key files are the operator's to remove: a backup of the database that is older than the rotation needs them.
        """
        generation = self.generation + 1
        self._folder.write(generation)
        self._ciphers[generation] = AESGCM(self._folder.read(generation))
        self._unwrapped.clear()
        return generation

    def new_organization(self, organization: OrganizationId) -> bytes:
        """Return a fresh organization key, wrapped."""
        return self._wrap(secrets.token_bytes(2 * KEY_BYTES), _organization_purpose(organization))

    def organization(self, organization: OrganizationId, wrapped: bytes) -> OrganizationKey:
        """Return an organization's key, unwrapped. Raises `Integrity` if it was altered or is another's."""
        place = (organization, wrapped)
        key = self._unwrapped.get(place)
        if key is None:
            key = OrganizationKey(organization, self._unwrap(wrapped, _organization_purpose(organization)))
            self._unwrapped[place] = key
            if len(self._unwrapped) > _UNWRAPPED_KEPT_MAX:
                self._unwrapped.popitem(last=False)
        else:
            self._unwrapped.move_to_end(place)
        return key

    def rewrap_organization(self, organization: OrganizationId, wrapped: bytes) -> bytes:
        """Return the same organization key wrapped by the newest node key."""
        purpose = _organization_purpose(organization)
        return self._wrap(self._unwrap(wrapped, purpose), purpose)

    def wrap_organization(self, key: OrganizationKey) -> bytes:
        """Wrap an organization's key that `rotated` has made."""
        return self._wrap(key._secret, _organization_purpose(key.organization))  # noqa: SLF001  # its own module's class

    def wrap_secret(self, name: str, secret: bytes) -> bytes:
        """Wrap a secret of the node itself (an SSH host key) under its name."""
        return self._wrap(secret, b"sealane node secret\0" + name.encode())

    def unwrap_secret(self, name: str, wrapped: bytes) -> bytes:
        """Return a secret of the node. Raises `Integrity` if it was altered or wrapped under another name."""
        return self._unwrap(wrapped, b"sealane node secret\0" + name.encode())

    def __repr__(self) -> str:
        return f"NodeKeys(generation={self.generation})"

    def _wrap(self, secret: bytes, purpose: bytes) -> bytes:
        generation = self.generation
        number = generation.to_bytes(_GENERATION_BYTES, "big")
        return _wrap(self._ciphers[generation], secret, number + purpose, number)

    def _unwrap(self, wrapped: bytes, purpose: bytes) -> bytes:
        number = wrapped[1 : 1 + _GENERATION_BYTES]
        cipher = self._ciphers.get(int.from_bytes(number, "big"))
        if cipher is None:
            raise KeyFileInvalid(
                f"Node key {int.from_bytes(number, 'big')} is needed and its file is missing. Tell the administrator."
            )
        return _unwrap(cipher, wrapped, number + purpose, number)


class _KeyFolder:
    """The folder of the key files: `node-N.key`, and `node-N.key.part` while one is being made."""

    __slots__ = ("_disk", "_path")

    def __init__(self, disk: Disk, path: Path) -> None:
        self._disk = disk
        self._path = path

    def generations(self, *, may_make_folder: bool) -> list[int]:
        """Return which keys are there, oldest first, durable from now on. What was left half made is removed."""
        with self._opened(may_make=may_make_folder) as folder, told():
            names = self._disk.list(folder)
            for name in names:
                if name.endswith(_UNFINISHED) and _KEY_FILE.fullmatch(name.removesuffix(_UNFINISHED)):
                    self._disk.remove(folder, name)
            # A process may have died between naming a key and syncing its name; nothing may be wrapped by it before.
            self._disk.sync(folder)
        return sorted(int(match[1]) for name in names if (match := _KEY_FILE.fullmatch(name)))

    def read(self, generation: int) -> bytes:
        """Return a key. Raises `KeyFileInvalid`."""
        path = self._path / _file_name(generation)
        with self._opened() as folder:
            try:
                file = self._disk.open(folder, path.name)
                try:
                    mode = self._disk.mode(file)
                    text = self._disk.read(file, 0, len(_KEY_FILE_HEAD) + 2 * KEY_BYTES + 2)
                finally:
                    self._disk.close(file)
            except OSError as problem:
                raise KeyFileInvalid(f"The key file {path} cannot be read: {problem.strerror}.") from None
        if mode & 0o077:
            raise KeyFileInvalid(f"The key file {path} is open to others. It must have mode 0400.")
        try:
            key = bytes.fromhex(text.removeprefix(_KEY_FILE_HEAD).decode("ascii").removesuffix("\n"))
        except ValueError:
            key = b""
        if not text.startswith(_KEY_FILE_HEAD) or len(key) != KEY_BYTES:
            raise KeyFileInvalid(f"The key file {path} is damaged.")
        return key

    def write(self, generation: int) -> None:
        """Make a fresh key: whole and durable under its name when this returns, not there at all when it raises.

        As in the local blob store, whoever holds the part excludes every other, so the rename never replaces a key.
        """
        name = _file_name(generation)
        left = name + _UNFINISHED
        with self._opened() as folder, told():
            try:
                file = self._disk.create(folder, left, 0o400)
            except FileExistsError:
                raise self._made_by_another(name) from None
            try:
                try:
                    self._fill(file)
                finally:
                    self._disk.close(file)
                if name in self._disk.list(folder):
                    raise self._made_by_another(name)
                self._disk.rename(folder, left, name)
                left = name
                self._disk.sync(folder)
            except (OSError, SealaneError):
                with contextlib.suppress(OSError):
                    self._disk.remove(folder, left)
                raise

    def _fill(self, file: int) -> None:
        left = memoryview(_KEY_FILE_HEAD + secrets.token_bytes(KEY_BYTES).hex().encode() + b"\n")
        while left:
            left = left[self._disk.write(file, left) :]
        self._disk.sync(file)

    @contextlib.contextmanager
    def _opened(self, *, may_make: bool = False) -> Iterator[int]:
        with told():
            try:
                folder = open_root(self._disk, self._path) if may_make else self._disk.open_path(self._path)
            except FileNotFoundError:
                raise KeyFileInvalid(
                    f"The folder {self._path} of the node's keys is missing. Restore it from your backup of the keys."
                ) from None
        try:
            yield folder
        finally:
            self._disk.close(folder)

    def _made_by_another(self, name: str) -> KeyFileInvalid:
        return KeyFileInvalid(f"The key file {self._path / name} is being made by another process, or was just now.")


def _file_name(generation: int) -> str:
    return f"node-{generation}.key"


def _derived(seed: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose).derive(seed)


def _organization_purpose(organization: OrganizationId) -> bytes:
    return b"sealane organization key\0" + organization.to_bytes(8, "big")


def _wrap(cipher: AESGCM, secret: bytes, purpose: bytes, generation: bytes = b"") -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _FORM + generation + nonce + cipher.encrypt(nonce, secret, _FORM + purpose)


def _unwrap(cipher: AESGCM, wrapped: bytes, purpose: bytes, generation: bytes = b"") -> bytes:
    head = _FORM + generation
    if not wrapped.startswith(head) or len(wrapped) < len(head) + _NONCE_BYTES:
        raise Integrity
    nonce = wrapped[len(head) : len(head) + _NONCE_BYTES]
    try:
        return cipher.decrypt(nonce, wrapped[len(head) + _NONCE_BYTES :], _FORM + purpose)
    except InvalidTag:
        raise Integrity from None
