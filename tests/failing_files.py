"""Files that this process has open, made to fail under it as a broken disk does, and mended again.

with failing_file(path, "read"):
    ...                       # whatever reads the file meets EBADF, which SQLite takes for an I/O error
"""

import contextlib
import fcntl
import os
from pathlib import Path


@contextlib.contextmanager
def failing_file(path: Path, what: str):
    """Put other descriptors in place of those of this file: by them it cannot be read, written, or synced."""
    descriptors = [int(link.name) for link in Path("/proc/self/fd").iterdir() if is_link_to(link, path)]
    assert descriptors, f"{path} is not open"
    place, mode = {
        "read": (path, os.O_WRONLY),
        "write": (path, os.O_RDONLY),
        "sync": (Path("/dev/null"), os.O_RDWR),  # takes all that is written and cannot be synced
    }[what]
    bad = os.open(place, mode)
    kept = [(descriptor, os.dup(descriptor)) for descriptor in descriptors]
    for descriptor in descriptors:
        os.dup2(bad, descriptor, inheritable=False)
    os.close(bad)
    try:
        yield
    finally:
        for descriptor, real in kept:
            still = is_link_to(Path(f"/proc/self/fd/{descriptor}"), place)
            if still and fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == mode:  # else it was opened anew
                os.dup2(real, descriptor, inheritable=False)
            os.close(real)


def is_link_to(link: Path, path: Path) -> bool:
    try:
        return link.readlink() == path
    except OSError:  # closed meanwhile
        return False
