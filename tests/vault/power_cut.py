"""A disk that forgets. What a power cut may leave of a file system, as far as POSIX promises anything.

Bytes and lengths of a file last only from its fsync on; names in a folder only from the folder's fsync on. At a cut
each write that was not synced survives or not, block by block, and each change of a folder that was not synced survives
or not, whatever came before or after it. A rename is one change.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = 16


class PowerCutError(BaseException):
    """The power is gone: not an error that any code may catch and go on from."""


@dataclass(eq=False)
class File:
    """`now` is what is read; `durable` what it was when it was last synced."""

    mode: int = 0o600
    now: bytearray = field(default_factory=bytearray)
    durable: bytes = b""


@dataclass(eq=False)
class Folder:
    now: dict[str, "File | Folder"] = field(default_factory=dict)
    durable: dict[str, "File | Folder"] = field(default_factory=dict)
    changes: list[tuple] = field(default_factory=list)
    mode: int = 0o700

    last_change: str = "remove"

    def change(self, *change):
        apply(self.now, change)
        self.last_change = change[0]
        self.changes.append(change)


def apply(names, change):
    kind, *rest = change
    if kind == "add":
        name, node = rest
        names[name] = node
    elif kind == "remove":
        names.pop(rest[0], None)
    else:
        old, new, node = rest
        names.pop(old, None)
        names[new] = node


def found(folder, name):
    if name not in folder.now:
        raise FileNotFoundError(name)
    return folder.now[name]


class ForgetfulDisk:
    """Has the face of `sealane.vault.disk.Disk`. `cut_after`: the power goes at that many calls that change something.

    `lies_about`: a kind of sync that does nothing, to show that it matters: "file", or that of a folder, by what was
    last changed in it: "add", "rename", "remove"; "root" is the folder `/`, which is there from the first day.
    """

    def __init__(self, generator: random.Random, *, lies_about: str = ""):
        self.root = Folder()
        self.generator = generator
        self.cut_after = None
        self.lies_about = lies_about
        self.syncs = []
        self._opened = {}
        self._next = 3

    # --- power ------------------------------------------------------------------------------------------------------

    def cut(self):
        """Lose the power, and come back with what lasted."""
        self._opened.clear()
        self.cut_after = None
        self._lose(self.root)

    def _lose(self, folder):
        names = dict(folder.durable)
        for change in folder.changes:
            if self.generator.random() < 0.5:
                apply(names, change)
        folder.now, folder.durable, folder.changes = names, dict(names), []
        for node in names.values():
            if isinstance(node, Folder):
                self._lose(node)
            else:
                self._lose_bytes(node)

    def _lose_bytes(self, file):
        kept = bytearray(file.durable)
        if bytes(file.now) != file.durable:
            longer = max(len(file.now), len(file.durable))
            length = self.generator.choice([len(file.durable), len(file.now), self.generator.randint(0, longer)])
            kept.extend(bytes(max(0, length - len(kept))))
            for at in range(0, length, BLOCK):
                if self.generator.random() < 0.5:
                    kept[at : at + BLOCK] = file.now[at : at + BLOCK].ljust(min(BLOCK, length - at), b"\0")
            del kept[length:]
        file.now, file.durable = kept, bytes(kept)

    def _step(self):
        if self.cut_after is not None:
            if self.cut_after == 0:
                raise PowerCutError
            self.cut_after -= 1

    def _open(self, node):
        self._next += 1
        self._opened[self._next] = node
        return self._next

    # --- the face of Disk -------------------------------------------------------------------------------------------

    def open_path(self, path: Path):
        node = self.root
        for name in path.parts[1:]:
            node = found(node, name)
        return self._open(node)

    def make_folder(self, folder, name):
        self._step()
        parent = self._opened[folder]
        if name in parent.now:
            raise FileExistsError(name)
        parent.change("add", name, Folder())

    def open_folder(self, folder, name):
        return self._open(found(self._opened[folder], name))

    def create(self, folder, name, mode=0o600):
        self._step()
        parent = self._opened[folder]
        if name in parent.now:
            raise FileExistsError(name)
        file = File(mode)
        parent.change("add", name, file)
        return self._open(file)

    def open(self, folder, name):
        return self._open(found(self._opened[folder], name))

    def write(self, file, buffer):
        self._step()
        taken = bytes(buffer)[: self.generator.randint(1, max(1, len(buffer)))]
        self._opened[file].now += taken
        return len(taken)

    def read(self, file, offset, length):
        return bytes(self._opened[file].now[offset : offset + length])

    def read_into(self, file, offset, target):
        there = self._opened[file].now[offset : offset + self.generator.randint(1, len(target))]
        target[: len(there)] = there
        return len(there)

    def mode(self, file):
        return self._opened[file].mode

    def length(self, file):
        return len(self._opened[file].now)

    def sync(self, descriptor):
        self._step()
        node = self._opened[descriptor]
        kind = "file" if isinstance(node, File) else "root" if node is self.root else node.last_change
        self.syncs.append(kind)
        if kind == self.lies_about:
            return
        if isinstance(node, File):
            node.durable = bytes(node.now)
        else:
            node.durable, node.changes = dict(node.now), []

    def rename(self, folder, old, new):
        self._step()
        parent = self._opened[folder]
        parent.change("rename", old, new, parent.now[old])

    def remove(self, folder, name):
        self._step()
        parent = self._opened[folder]
        if name not in parent.now:
            raise FileNotFoundError(name)
        parent.change("remove", name)

    def list(self, folder):
        return list(self._opened[folder].now)

    def changed(self, folder, name):  # noqa: ARG002 - long ago, all of them
        return 0.0

    def room(self, folder):  # noqa: ARG002 - enough
        return 1 << 40

    def close(self, descriptor):
        self._opened.pop(descriptor, None)
