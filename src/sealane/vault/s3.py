"""The blob store in a bucket of an S3 server (or what speaks like one), through obstore.

A blob up to `PART_BYTES` is one PUT that the server itself refuses when the name is taken (`If-None-Match: *`). A
larger one goes up in parts and becomes visible, whole, when the upload is completed; the name is looked for just
before, which leaves a gap that only our random names close. What a crash leaves of parts is invisible and cannot be
listed through obstore: give the bucket a lifecycle rule that ends incomplete multipart uploads
(docs/formats/segment.md says so).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store as Bucket

from sealane.errors import BlobExists, Unavailable
from sealane.ids import SegmentId
from sealane.settings import MIB, SettingInvalid
from sealane.vault.blobs import UNBOUNDED, check_name, missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from obstore import WritableFile

    from sealane.settings import Settings
    from sealane.vault.blobs import BlobWriter, Buffer

PART_BYTES: Final = 8 * MIB
"""Size of a part, and so the memory that one blob under construction takes, times `_PARTS_AT_ONCE` and one."""
_PARTS_AT_ONCE: Final = 2


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Tell the object store's failures in our own words."""
    try:
        yield
    except FileNotFoundError:
        raise missing() from None
    except (AlreadyExistsError, PreconditionError):
        raise BlobExists from None
    except (BaseError, OSError) as problem:
        raise Unavailable("The object store did not answer as it should.") from problem


class S3Store:
    """Blobs in one bucket, below one prefix. See `BlobStore` for what every method promises."""

    def __init__(self, bucket: Bucket) -> None:
        """Use this bucket; nothing is asked of it yet."""
        self._bucket = bucket

    @classmethod
    def open(cls, settings: Settings) -> S3Store:
        """Open `s3://bucket/prefix` with the endpoint and the keys of the settings."""
        place = urlsplit(settings.blob_store)
        if place.scheme != "s3" or not place.netloc:
            raise SettingInvalid("The setting 'blob_store' needs the form s3://bucket/prefix.")
        clear = settings.blob_store_endpoint.startswith("http://")
        bucket = Bucket(
            place.netloc,
            prefix=place.path.strip("/") or None,
            endpoint=settings.blob_store_endpoint or None,
            region=settings.blob_store_region,
            access_key_id=settings.blob_store_access_key,
            secret_access_key=settings.blob_store_secret_key,
            virtual_hosted_style_request=not settings.blob_store_endpoint,
            # Over TLS the transport protects the bytes, and every slot has its own tag.
            unsigned_payload=not clear,
            client_options={"allow_http": clear, "timeout": "60s", "connect_timeout": "10s"},
        )
        return cls(bucket)

    def create(self, name: SegmentId) -> BlobWriter:
        """Begin a blob."""
        if self._is_there(check_name(name)):
            raise BlobExists
        return _S3Writer(self._bucket, name, self._is_there)

    def read_into(self, name: SegmentId, offset: int, target: memoryview) -> None:
        """Fill `target`."""
        length = len(target)
        with _told():
            try:
                got = memoryview(obstore.get_range(self._bucket, check_name(name), start=offset, length=length))
            except FileNotFoundError:
                raise
            except BaseError:
                if self.size(name) < offset + length:  # a range past the end is answered with an error of no kind
                    raise missing() from None
                raise
        if len(got) < length:
            raise missing()
        target[:] = got

    def size(self, name: SegmentId) -> int:
        """Return a blob's length."""
        with _told():
            return obstore.head(self._bucket, check_name(name))["size"]

    def delete(self, name: SegmentId) -> None:
        """Remove a blob."""
        with _told(), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._bucket, check_name(name))

    def names(self) -> Iterator[SegmentId]:
        """Yield every blob's name."""
        with _told():
            for page in obstore.list(self._bucket):
                for found in page:
                    name = found["path"].rpartition("/")[2]
                    if found["path"] == name:
                        yield SegmentId(name)

    def clear_unfinished(self, older_than: datetime) -> int:
        """Do nothing: the bucket's lifecycle rule ends what a crash has left."""
        del older_than
        return 0

    def room(self) -> int:
        """Say that no bound is known."""
        return UNBOUNDED

    def close(self) -> None:
        """Nothing is held open."""

    def _is_there(self, name: SegmentId) -> bool:
        with _told():
            try:
                obstore.head(self._bucket, name)
            except FileNotFoundError:
                return False
            return True


class _S3Writer:
    """One blob under construction: gathered to parts, so that memory stays bounded whatever its size."""

    def __init__(self, bucket: Bucket, name: SegmentId, is_there: Callable[[SegmentId], bool]) -> None:
        self._bucket = bucket
        self._name = name
        self._is_there = is_there
        self._gathered = bytearray()
        self._parts: WritableFile | None = None
        self._ended = False

    def append(self, buffer: Buffer) -> None:
        """Gather; send a part when there is one."""
        assert not self._ended, "the blob was ended already"
        self._gathered += buffer
        if len(self._gathered) > PART_BYTES:
            with _told():
                self._send()

    def commit(self) -> None:
        """Send the rest; the server makes the blob visible as one."""
        assert not self._ended, "the blob was ended already"
        self._ended = True
        with _told():
            if self._parts is None:
                whole = bytes(self._gathered)
                obstore.put(self._bucket, self._name, whole, mode="create", use_multipart=False)
                return
            self._send()
            if self._is_there(self._name):
                raise BlobExists
            self._parts.close()
            self._parts = None

    def abort(self) -> None:
        """Let go of it. Parts that were sent stay invisible until the bucket's lifecycle rule ends them."""
        self._ended = True
        self._parts = None
        self._gathered = bytearray()  # what failed to be sent may be looked at still

    def _send(self) -> None:
        if self._parts is None:
            self._parts = obstore.open_writer(
                self._bucket, self._name, buffer_size=PART_BYTES, max_concurrency=_PARTS_AT_ONCE
            )
        self._parts.write(self._gathered)
        self._gathered = bytearray()
