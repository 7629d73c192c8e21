"""Asking witnesses: takes each the newest checkpoint with its proof, brings its cosignature to the keeper.

Must stay true: one witness that is slow, away or hostile holds up no other; what comes back is checked by the keeper.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

import httpx

from sealane.errors import Missing, SealaneError, Unavailable
from sealane.jobs import posting
from sealane.ledger import notes, witnesses, witnessing
from sealane.ledger.checkpoints import parse as parse_checkpoint
from sealane.operations.audit import RecordCosignature, ToWitnessAre, WhatToWitness

if TYPE_CHECKING:
    from sealane.ledger.witnesses import Witness
    from sealane.operations.envelope import Answer, Operation
    from sealane.settings import Settings

log = logging.getLogger(__name__)

_SIZE_DIGITS_MAX = 18


class WitnessRefused(Unavailable):
    """A witness answered otherwise than with a cosignature."""

    code = "witness-refused"


class WitnessDisagrees(Unavailable):
    """A witness has seen another ledger under our name, or more of it than there is."""

    code = "witness-disagrees"


class Ask(Protocol):
    """Asks the keeper; raises the `SealaneError` of its answer."""

    async def __call__(self, operation: Operation, /) -> Answer:
        """Ask."""
        ...


class Cosigning:
    """Goes to every witness of the settings, again and again."""

    def __init__(self, ask: Ask, settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Nothing is asked yet. Raises `Invalid` for a setting that names no witnesses."""
        self._ask = ask
        self._settings = settings
        self._witnesses = witnesses.parse(settings.witnesses)
        self._transport = transport
        self._signed: dict[str, int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Ask every witness now and every `witness_seconds` until `stop`."""
        async with posting.client(self._settings.witness_wait_seconds, self._transport) as client:
            while not stop.is_set():
                await self.one_round(client)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._settings.witness_seconds)

    async def one_round(self, client: httpx.AsyncClient) -> None:
        """Ask every witness once, all at the same time."""
        await asyncio.gather(*(self._told(client, witness) for witness in self._witnesses))

    async def _told(self, client: httpx.AsyncClient, witness: Witness) -> None:
        try:
            await self.cosign(client, witness)
        except Missing:
            log.debug("there is nothing to witness yet")
        except WitnessDisagrees as problem:
            log.error("ALARM: the witness %s disagrees: %s", witness.key.name, problem.sentence)  # noqa: TRY400  # expected
        except (SealaneError, httpx.HTTPError, httpx.InvalidURL) as problem:
            log.warning("the witness %s did not sign: %s", witness.key.name, type(problem).__name__)

    async def cosign(self, client: httpx.AsyncClient, witness: Witness) -> None:
        """Bring one witness the newest checkpoint and its cosignature back; asked again where it saw another size."""
        name = witness.key.name
        due = await self._due(name, None)
        if self._signed.get(name) == due.new:
            return
        answer = await self._submit(client, witness, due)
        if answer.status_code == HTTPStatus.CONFLICT:
            seen = answer.text.strip()
            if not seen.isascii() or not seen.isdecimal() or len(seen) > _SIZE_DIGITS_MAX:
                raise WitnessRefused("It did not say which size it saw.")
            if int(seen) > due.new:
                raise WitnessDisagrees(f"It has seen {int(seen)} entries of this ledger, which has {due.new}.")
            due = await self._due(name, int(seen))
            answer = await self._submit(client, witness, due)
        if answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise WitnessDisagrees("It has seen another ledger under this name: this one was rewritten, or forked.")
        if answer.status_code != HTTPStatus.OK:
            raise WitnessRefused(f"It answered {answer.status_code}.")
        size = parse_checkpoint(notes.parse(due.note).text).size
        for line in notes.signatures(answer.text):
            if (line.name, line.key_id) == (name, witness.key.id):
                await self._ask(RecordCosignature(witness=name, size=size, line=line.line()))
                self._signed[name] = size
                return
        raise WitnessRefused("It answered without its own signature.")

    async def _due(self, name: str, old: int | None) -> ToWitnessAre:
        due = await self._ask(WhatToWitness(witness=name, old=old))
        assert isinstance(due, ToWitnessAre)
        return due

    async def _submit(self, client: httpx.AsyncClient, witness: Witness, due: ToWitnessAre) -> httpx.Response:
        return await posting.posted(
            client,
            f"{witness.url}/add-checkpoint",
            witnessing.written(due.old, due.proof, due.note),
            kind="",
            seconds=self._settings.witness_wait_seconds,
            refused=WitnessRefused,
        )
