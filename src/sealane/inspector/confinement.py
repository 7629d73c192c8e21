"""What a process that reads strangers' files may not do, asked of the kernel: network, programs, writing, looking.

Linux alone, by prctl(2), setrlimit(2), seccomp(2) and landlock(7), without a library; what a kernel does not offer is
left out and told, so that `doctor` and the log can say it. Must stay true: nothing here is ever loosened again, and
all of it holds before a byte of a file is read. Not here: which process it is (`child.py`).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import struct
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_CLONE_NEWIPC: Final = 0x08000000
_CLONE_THREAD: Final = 0x00010000
_OPEN_FILES_MAX: Final = 64
_ADDRESSES_BEYOND: Final = 8 << 30
"""Address space is reserved in large pieces that are never filled; what is filled the inspector watches."""

_EPERM: Final = 1
_ENOSYS: Final = 38
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_KILL: Final = 0x80000000
_LOAD: Final = 0x20
_EQUAL: Final = 0x15
_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06

_FORBIDDEN: Final = {
    # x86_64, aarch64 (None: it has no such call)
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "accept": (43, 202),
    "accept4": (288, 242),
    "bind": (49, 200),
    "listen": (50, 201),
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "kill": (62, 129),
    "tkill": (200, 130),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "memfd_create": (319, 279),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "setns": (308, 268),
    "unshare": (272, 97),
    "open_by_handle_at": (304, 265),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
}
_CLONE: Final = (56, 220)
_CLONE3: Final = (435, 435)
_ARCHITECTURES: Final = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_X32_CALLS: Final = 0x40000000

_LANDLOCK_CREATE: Final = 444
_LANDLOCK_ADD: Final = 445
_LANDLOCK_RESTRICT: Final = 446
_LANDLOCK_VERSION: Final = 1
_LANDLOCK_PATH_BENEATH: Final = 1
_LANDLOCK_ALL: Final = (1 << 13) - 1
"""Every right over files that the first version of Landlock knows."""
_LANDLOCK_READ: Final = 1 << 0 | 1 << 2 | 1 << 3
"""Execute (to load libraries by some loaders), read a file, read a folder."""
_SYSTEM_FOLDERS: Final = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime")


def leave_the_network() -> bool:
    """Go to a network that has nothing in it, if this system lets anybody make one. Before any thread is started."""
    return _libc().unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC) == 0


def see_only_programs() -> bool:
    """Open nothing any more but what Python and its libraries are made of; whether the kernel knows how (Landlock)."""
    libc = _libc()
    if libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_LANDLOCK_VERSION)) < 1:
        return False
    attributes = struct.pack("=Q", _LANDLOCK_ALL)
    rules = libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    if rules < 0:
        return False
    try:
        for place in dict.fromkeys(_programs()):
            _add_rule(libc, rules, place)
        _no_new_privileges(libc)
        return libc.syscall(_LANDLOCK_RESTRICT, ctypes.c_int(rules), ctypes.c_uint32(0)) == 0
    finally:
        os.close(rules)


def forbid_calls() -> bool:
    """Let the kernel refuse what a reader of files has no use for, for good; whether it could be told (seccomp)."""
    known = _ARCHITECTURES.get(platform.machine())
    if sys.platform != "linux" or known is None:
        return False
    architecture, column = known
    program = _filter(architecture, column)
    libc = _libc()
    _no_new_privileges(libc)
    buffer = ctypes.create_string_buffer(program)
    # struct sock_fprog: a count of instructions, and where they are
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    return libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, described, 0, 0) == 0


def limit(*, memory_bytes: int, seconds: int) -> None:
    """Bound memory, processor time and open files; let no regular file grow, so that nothing is written to a disk."""
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes + _ADDRESSES_BEYOND),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES_MAX),
    ):
        _, hard = resource.getrlimit(what)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (bound, bound))


def _filter(architecture: int, column: int) -> bytes:
    """Return the filter: another architecture's calls kill, what is forbidden fails, threads are let through."""
    numbers = [call for pair in _FORBIDDEN.values() if (call := pair[column]) is not None]
    program = [
        _step(_LOAD, 4),
        _step(_EQUAL, architecture, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, 0),
    ]
    if column == 0:
        program += [_step(_ANY_BIT, _X32_CALLS, 0, 1), _step(_RETURN, _KILL)]
    for number in numbers:
        program += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _ERRNO | _EPERM)]
    program += [
        _step(_EQUAL, _CLONE3[column], 0, 1),
        _step(_RETURN, _ERRNO | _ENOSYS),  # the C library then uses clone, whose flags can be looked at
        _step(_EQUAL, _CLONE[column], 0, 3),
        _step(_LOAD, 16),
        _step(_ANY_BIT, _CLONE_THREAD, 1, 0),
        _step(_RETURN, _ERRNO | _EPERM),
        _step(_RETURN, _ALLOW),
    ]
    return b"".join(program)


def _step(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, operand)


def _programs() -> Iterable[str]:
    """Yield where Python, its libraries and ours are."""
    yield from (sys.prefix, sys.base_prefix, *_SYSTEM_FOLDERS)
    yield from (entry for entry in sys.path if entry.startswith("/"))


def _add_rule(libc: ctypes.CDLL, rules: int, place: str) -> None:
    with contextlib.suppress(OSError):
        opened = os.open(place, getattr(os, "O_PATH", 0) | os.O_CLOEXEC)
        try:
            allowed = _LANDLOCK_READ if os.path.isdir(place) else _LANDLOCK_READ & ~(1 << 3)  # noqa: PTH112
            rule = struct.pack("=Qi", allowed, opened)
            libc.syscall(_LANDLOCK_ADD, ctypes.c_int(rules), _LANDLOCK_PATH_BENEATH, rule, ctypes.c_uint32(0))
        finally:
            os.close(opened)


def _no_new_privileges(libc: ctypes.CDLL) -> None:
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
