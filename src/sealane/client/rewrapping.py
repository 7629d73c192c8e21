"""Wrapping sealed files anew to a folder's present recipients: headers only, with a key that opens them now.

While a batch is on its way to the server the next one is fetched and wrapped. Must stay true: a new header has the
file's own key and was authenticated before (its MAC), so it opens the very same payload; a file that no identity at
hand opens is left as it is and counted; what was done is done, and to do it again goes on with the rest.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sealane.client import sealed_remote
from sealane.client.sealed_remote import HEADERS_A_PAGE, NewHeader, Replaced
from sealane.errors import SealaneError, TooLarge
from sealane.vault.age import header, keys
from sealane.vault.age.failures import HeaderForged, HeaderInvalid, NoIdentityMatches, VersionUnsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from sealane import paths
    from sealane.client.runs import Run
    from sealane.client.sealed_remote import FileHeader, SealsTo

_HEADER_BYTES_A_RECIPIENT = 2200


@dataclass(slots=True)
class Rewrapped:
    """What came of it, or would come of it in a dry run."""

    files: int = 0
    """Whose recipients were not the folder's."""
    replaced: int = 0
    unopened: int = 0
    """That no identity at hand opens."""
    damaged: int = 0
    """Whose header is none, or was altered."""
    refused: Counter[str] = field(default_factory=Counter)
    """By the server, by code: replaced meanwhile, or no longer there."""
    lacking: Counter[str] = field(default_factory=Counter)
    """How many files each recipient could not open before."""
    extra: Counter[str] = field(default_factory=Counter)
    """How many files each could open that is no recipient any more."""

    def count(self, sending: Future[Replaced] | None) -> None:
        """Wait for what the server says of a batch, if one is on its way, and count it. Raises what it failed with."""
        if sending is not None:
            answer = sending.result()
            self.replaced += answer.replaced
            self.refused.update(one.code for one in answer.refused)


def rewrap(
    run: Run, folder: paths.Path, seals_to: SealsTo, *, dry_run: bool, tell: Callable[[Rewrapped], None]
) -> Rewrapped:
    """Wrap every file below a folder that needs it; `tell` hears of each batch. In a dry run nothing is sent."""
    done = Rewrapped()
    identities = run.identities()
    many = max(1, run.settings.header_batch_bytes_max // (_HEADER_BYTES_A_RECIPIENT * len(seals_to.recipients)))

    def wrapped(one: FileHeader) -> NewHeader | SealaneError:
        try:
            return NewHeader(one.version, wrap_again(one.header, identities, seals_to.recipients), seals_to.texts)
        except (NoIdentityMatches, HeaderInvalid, HeaderForged, VersionUnsupported) as error:
            return error

    found = sealed_remote.lacking(run.server, folder, run.settings, page=min(many, HEADERS_A_PAGE))
    sending: Future[Replaced] | None = None
    for batch in _batches(found, min(many, HEADERS_A_PAGE)):
        results = [future.result() for future in [run.lanes.submit(lambda one=one: wrapped(one)) for one in batch]]
        new = [one for one in results if isinstance(one, NewHeader)]
        for one in batch:
            done.lacking.update(one.lacking)
            done.extra.update(one.extra)
        done.files += len(batch)
        done.unopened += sum(isinstance(one, NoIdentityMatches) for one in results)
        done.damaged += len(results) - len(new) - sum(isinstance(one, NoIdentityMatches) for one in results)
        if dry_run:
            done.replaced += len(new)
        else:
            done.count(sending)
            sending = run.ahead.submit(lambda new=new: _send(run, new))
        tell(done)
    done.count(sending)
    tell(done)
    return done


def wrap_again(written: bytes, identities: Sequence[keys.Identity], recipients: Sequence[keys.Recipient]) -> bytes:
    """Return a header to these recipients with the file key of this one.

    Raises `NoIdentityMatches`, `HeaderInvalid`, `HeaderForged`, `VersionUnsupported`, `RecipientsMixed`.
    """
    keys.check_together(recipients)
    parsed, length = header.parse(written)
    if length != len(written):
        raise HeaderInvalid
    file_key = keys.find_file_key(parsed, identities)
    return header.make([one.wrap(file_key) for one in recipients], file_key).written()


def _send(run: Run, headers: Sequence[NewHeader]) -> Replaced:
    """Send a batch; one that is too large for the server goes in halves."""
    if not headers:
        return Replaced(0)
    try:
        return run.patiently("headers", lambda: sealed_remote.replace(run.server, headers))
    except TooLarge:
        if len(headers) == 1:
            raise
    half = len(headers) // 2
    first, second = _send(run, headers[:half]), _send(run, headers[half:])
    return Replaced(first.replaced + second.replaced, first.refused + second.refused)


def _batches(found: Iterable[FileHeader], many: int) -> Iterator[list[FileHeader]]:
    batch: list[FileHeader] = []
    for one in found:
        batch.append(one)
        if len(batch) == many:
            yield batch
            batch = []
    if batch:
        yield batch
