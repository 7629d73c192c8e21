"""`python -m sealane.keeper.prover`: proves the whole ledger once, tells the keeper how far it is, and ends.

The keeper starts it (`proofs.py`) when somebody at a page asks, so that hashing millions of entries holds up neither
the keeper nor a door. It reads a long ledger from the database itself and asks the keeper for a short one; it runs in
the keeper's account and speaks by the administrator's socket. Must stay true: it changes nothing but what it tells.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from sealane import process
from sealane.errors import SealaneError
from sealane.ledger import proving, witnesses
from sealane.operations.audit import LedgerProof, TellLedgerProof
from sealane.operations.caller import KeeperCaller
from sealane.operations.envelope import Done

if TYPE_CHECKING:
    from sealane.ledger.proving import AnswerT
    from sealane.operations.envelope import Operation
    from sealane.process import Beginning

_NICE = 10
"""It gives way to whatever carries files."""
_ANSWER_SECONDS = 300


def outcome(beginning: Beginning, ask: proving.Ask) -> LedgerProof:
    """Prove the ledger and return what came of it."""
    settings = beginning.settings
    database = settings.database or f"sqlite:///{(beginning.data_dir / 'catalogue.sqlite').absolute()}"
    known = tuple(one.key for one in witnesses.parse(settings.witnesses))

    def progress(done: int, size: int) -> None:
        ask(TellLedgerProof(LedgerProof("running", done=done, size=size)), Done)

    try:
        verdict = proving.proven(ask, [], known, database=database, processes=1, progress=progress)
    except SealaneError as problem:
        return LedgerProof("failed", sentence=problem.sentence)
    return LedgerProof(
        state="whole" if verdict.whole else "damaged",
        done=verdict.size,
        size=verdict.size,
        signed=verdict.signed,
        checkpoints=verdict.checkpoints,
        witnessed=verdict.witnessed,
        sentence="" if verdict.damage is None else verdict.damage.sentence,
    )


async def prove(beginning: Beginning) -> None:
    """Prove, and tell what came of it."""
    caller = KeeperCaller(beginning.run_dir, "admin", beginning.settings)
    loop = asyncio.get_running_loop()

    def ask(operation: Operation, wanted: type[AnswerT]) -> AnswerT:
        answer = asyncio.run_coroutine_threadsafe(caller.ask(operation), loop).result(_ANSWER_SECONDS)
        if not isinstance(answer, wanted):
            raise TypeError(type(answer).__name__)
        return answer

    try:
        await caller.ask(TellLedgerProof(await asyncio.to_thread(outcome, beginning, ask)))
    finally:
        await caller.close()


def main() -> None:
    """Begin the process and run it."""
    beginning = process.begin()
    os.nice(_NICE)
    asyncio.run(prove(beginning))


if __name__ == "__main__":
    main()
