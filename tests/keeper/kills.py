"""`make kills`: a keeper killed with -9 two hundred times while doors write, each time with a seed that is printed.

After every round the keeper signs a checkpoint, which is kept aside; at the end the whole ledger is proven from its
first entry, its root recomputed, and held against every one of them; whatever was acknowledged must be in it, once.
`--rounds N`, `--seed N` (repeats a run as far as chance does: how far each door has come is the machine's own).
"""

import argparse
import asyncio
import dataclasses
import random
import secrets
import tempfile
from pathlib import Path

from sealane.ledger.checkpoints import parse_saved
from sealane.operations.audit import Checkpoint
from sealane.operations.signing import SignInWithToken
from tests.keeper.crowd import Crowd, people, proven
from tests.keeper.keeper_process import KeeperProcess
from tests.keeper_in_process import SETTINGS

WRITERS = 6
WAIT_SECONDS = 900
ROUNDS_A_CROWD = 20
"""After so many rounds the doors begin anew, so that what they have to remember stays small."""


async def rounds(keeper, count, rng, saved):
    """Kill the keeper so many times under one crowd of doors; return how many files were acknowledged."""
    doors = [keeper.caller() for _ in range(WRITERS)]
    token = keeper.token
    signed_in = await doors[0].ask(SignInWithToken(token=token, address="127.0.0.1", door="http"))
    crowd = Crowd(doors, signed_in.handle, f"{rng.randrange(1 << 32):08x}")
    working = [asyncio.create_task(crowd.work(i, random.Random(rng.random()))) for i in range(WRITERS)]
    for _ in range(count):
        await crowd.until(len(crowd.written) + rng.randrange(1, 60))
        keeper.kill()
        keeper.start()
        admin = keeper.caller("admin")
        saved.append(parse_saved((await admin.ask(Checkpoint())).note))
        await admin.close()
    crowd.enough = True
    await asyncio.gather(*working)
    await crowd.check(doors[0])
    for door in doors:
        await door.close()
    return set(crowd.versions)


async def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rounds", type=int, default=200)
    words.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    chosen = words.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    rng, saved, acknowledged = random.Random(chosen.seed), [], set()
    with tempfile.TemporaryDirectory(prefix="sealane-kills-") as folder:
        # A busy disk may keep a keeper from its first commit for minutes: that is no loss.
        settings = dataclasses.replace(
            SETTINGS, checkpoint_seconds=1, signing_key_seconds=2, keeper_wait_seconds=WAIT_SECONDS
        )
        keeper = KeeperProcess(Path(folder) / "data", settings)
        with keeper.running():
            keeper.token = await people(keeper)
            for done in range(0, chosen.rounds, ROUNDS_A_CROWD):
                count = min(ROUNDS_A_CROWD, chosen.rounds - done)
                acknowledged |= await rounds(keeper, count, rng, saved)
                print(f"{done + count} kills, {len(acknowledged)} files acknowledged", flush=True)
            bodies = await asyncio.to_thread(proven, keeper, saved)
    crashes = sum(body.get("previous") == "crash" for body in bodies)
    finished = [body["version_id"] for body in bodies if body["kind"] == "upload_finished"]
    assert crashes == chosen.rounds, crashes
    assert len(set(finished)) == len(finished)
    lost = acknowledged - set(finished)
    assert not lost, lost
    print(
        f"{chosen.rounds} kills; {len(bodies)} entries proven against {len(saved)} kept checkpoints; "
        f"{len(acknowledged)} uploads acknowledged, none lost"
    )


if __name__ == "__main__":
    asyncio.run(main())
