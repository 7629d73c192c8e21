"""The header of a file that its sender has sealed, read from the first bytes of what came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from sealane.errors import Integrity, Invalid, Unsupported
from sealane.operations.failures import NOT_SEALED_HERE, NotSealed
from sealane.operations.uploads import SentSealed
from sealane.vault.age import header as age_header
from sealane.vault.age.failures import HeaderCut
from sealane.vault.age.payload import NONCE_BYTES, plain_length

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sealane.operations.uploads import UploadOpened

_FIRST_BYTES: Final = 4096
_GROWTH: Final = 8


async def header_of(read: Callable[[int], Awaitable[bytes]]) -> bytes:
    """Return the header as it stands; `read` gives that many first bytes, or all there are.

    Raises `NotSealed` where there is none.
    """
    wanted = _FIRST_BYTES
    while True:
        begin = await read(wanted)
        try:
            _, length = age_header.parse(begin)
        except HeaderCut:
            if len(begin) < wanted or wanted > age_header.HEADER_BYTES_MAX:
                raise NotSealed from None
            wanted *= _GROWTH
        except (Invalid, Unsupported):
            raise NotSealed from None
        else:
            return begin[:length]


async def read_sent_sealed(read: Callable[[int], Awaitable[bytes]], size: int, sent: SentSealed | None) -> SentSealed:
    """Return what is told of a whole file of `size` bytes that its sender has sealed: its header, as read here.

    `sent` is what the sender says of it, if anything. Raises `NotSealed`.
    """
    header = await header_of(read)
    if sent is not None:
        return msgspec.structs.replace(sent, header=header)
    try:
        return SentSealed(header, plain_length(size - len(header) - NONCE_BYTES))
    except Integrity:
        raise NotSealed from None


async def told_sealed(
    opened: UploadOpened, read: Callable[[int], Awaitable[bytes]], size: int, sent: SentSealed | None
) -> SentSealed | None:
    """Return what is told of a whole upload that its sender has sealed, None of any other; of a part it is told later.

    Raises `NotSealed`, also where its sender says that it is sealed and it cannot be kept as that.
    """
    if opened.sent_sealed:
        return await read_sent_sealed(read, size, sent)
    if sent is not None and not opened.partial:
        raise NotSealed(NOT_SEALED_HERE)
    return None
