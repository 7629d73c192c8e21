"""Two thefts: by a stolen account, in the open of the ledger; and of the whole data directory, past the server.

The second thief has what anybody has who copies the server's disk and its key files, and opens the copy with Sealane
itself, as its operator: they make themselves an account, grant it every folder, and read what can be read.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from sealane.drill import invented
from sealane.drill.house import address_of
from sealane.drill.invented import CLAIMS, ENROLMENT, FAX, FILES, TUMOURS
from sealane.errors import SealaneError
from sealane.ids import SegmentId
from sealane.keeper.core import Keeper
from sealane.operations.accounts import AddToken, AddUser, GrantFolder, TokenIs
from sealane.operations.contents import content_of
from sealane.operations.envelope import Asker, Done
from sealane.operations.exposures import ListPeopleLists, ListsAre, OpenPeopleList, PeopleListOpened
from sealane.operations.files import OpenVersion, VersionOpened
from sealane.operations.signing import SignedIn, SignInWithToken
from sealane.vault import blobs
from sealane.vault.age import files as age
from sealane.vault.age.x25519 import X25519Identity
from sealane.vault.stores import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sealane.client.server import Server
    from sealane.drill.invented import InventedFile
    from sealane.operations.envelope import Answer, Operation
    from sealane.settings import Settings
    from sealane.vault.age.keys import Identity

AnswerT = TypeVar("AnswerT", bound="Answer")

TAKEN_BY_ACCOUNT: Final = (ENROLMENT, CLAIMS, FAX, TUMOURS)
"""What the first thief downloads. The first file is broken off in the middle."""
_KEY_BYTES: Final = 32
_BLOCK_BYTES: Final = 1 << 20
_THIEF: Final = f"somebody@{invented.ORGANIZATION}"


def by_account(server: Server) -> dict[str, int]:
    """Download as a stolen account does; return how many bytes of each file were got."""
    got: dict[str, int] = {}
    for place, file in enumerate(TAKEN_BY_ACCOUNT):
        half = len(file.content()) // 2
        headers = {"Range": f"bytes=0-{half - 1}"} if place == 0 else {}
        got[file.path] = len(server.ask("GET", address_of(file.path), headers=headers).body)
    return got


@dataclass(slots=True)
class Loot:
    """What a copy of the data directory was good for."""

    files: int = 0
    size: int = 0
    clear: int = 0
    """Stored files in which an individual's name or number stands in clear."""
    opened: list[str] = field(default_factory=list)
    """Paths of which the thief has the contents."""
    shut: list[str] = field(default_factory=list)
    """Paths of which they have only ciphertext that no key there opens."""
    lists: int = 0
    lists_opened: int = 0
    keys_tried: int = 0
    opened_without_keys: int = 0


def of_the_disk(data: Path, copy: Path, settings: Settings) -> Loot:
    """Copy a data directory while its server runs, and read of the copy what can be read."""
    shutil.copytree(data, copy, ignore=lambda _folder, names: {"run"} & set(names))
    loot = Loot()
    words = invented.names_and_numbers()
    for path in copy.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            loot.files += 1
            loot.size += len(content)
            loot.clear += any(word in content for word in words)
    keys = list(_keys_in(copy / "keys"))
    loot.keys_tried = len(keys)
    with _opened(copy, settings) as thief:
        for file in FILES:
            content = thief.content(file)
            if content == file.content():
                loot.opened.append(file.path)
            elif not _opens(content, keys):
                loot.shut.append(file.path)
        for sealed in thief.people_lists():
            loot.lists += 1
            loot.lists_opened += _opens(sealed, keys)
    loot.opened_without_keys = _without_keys(copy, settings)
    return loot


def _without_keys(copy: Path, settings: Settings) -> int:
    """Return how many files open with the same copy when the key files are not in it."""
    shutil.rmtree(copy / "keys")
    try:
        with _opened(copy, settings) as thief:
            return sum(thief.content(file) == file.content() for file in FILES)
    except SealaneError:
        return 0


def _keys_in(folder: Path) -> Iterator[Identity]:
    """Yield every secret of the copied key files as a key that a sealed file might open with."""
    for path in sorted(folder.iterdir()):
        for line in path.read_text(errors="replace").split():
            with contextlib.suppress(ValueError):
                secret = bytes.fromhex(line)
                if len(secret) == _KEY_BYTES:
                    yield X25519Identity(secret)


def _opens(sealed: bytes, keys: list[Identity]) -> bool:
    try:
        age.open_sealed(sealed, keys)
    except SealaneError:
        return False
    return True


class _Thief:
    """Whoever has opened the copy as its operator."""

    def __init__(self, keeper: Keeper, copy: Path, settings: Settings) -> None:
        self._keeper = keeper
        self._store = open_store(settings, copy)
        self._ask_as(Asker.ADMIN, AddUser(user=_THIEF, role="officer"), Done)
        for folder in sorted({file.path.rpartition("/")[0] for file in FILES}):
            grant = GrantFolder(f"{invented.ORGANIZATION}:{folder}", _THIEF, ("list", "read"))
            self._ask_as(Asker.ADMIN, grant, Done)
        token = self._ask_as(Asker.ADMIN, AddToken(user=_THIEF, scopes=("read",), expires=None), TokenIs).token
        self._handle = self._ask_as(
            Asker.DOOR, SignInWithToken(token=token, address="192.0.2.66", door="http"), SignedIn
        ).handle

    def content(self, file: InventedFile) -> bytes:
        """Return a file as the server would hand it out."""
        opened = self._ask_as(Asker.DOOR, OpenVersion(self._handle, file.path, as_age=True), VersionOpened)
        return b"".join(bytes(block) for block in content_of(opened, self._store).blocks(bytearray(_BLOCK_BYTES)))

    def people_lists(self) -> Iterator[bytes]:
        """Yield every people list as it is kept."""
        for one in self._ask_as(Asker.DOOR, ListPeopleLists(self._handle), ListsAre).lists:
            told = self._ask_as(Asker.DOOR, OpenPeopleList(self._handle, one.version), PeopleListOpened)
            inline = told.inline
            yield told.header + (
                inline if inline is not None else bytes(blobs.read(self._store, SegmentId(told.blob), 0, told.size))
            )

    def _ask_as(self, asker: Asker, operation: Operation, wanted: type[AnswerT]) -> AnswerT:
        answer = self._keeper.perform(operation, asker=asker, connection="thief")
        assert isinstance(answer, wanted), type(answer)
        return answer


@contextlib.contextmanager
def _opened(copy: Path, settings: Settings) -> Iterator[_Thief]:
    with contextlib.closing(Keeper.open(copy, settings)) as keeper:
        yield _Thief(keeper, copy, settings)
