"""`python -m sealane.keeper`: the keeper's process. Started by the supervisor (`sealane.process` says how)."""

from __future__ import annotations

import asyncio
import logging
import sys

from sealane import process
from sealane.errors import LeaseHeld, SealaneError
from sealane.keeper import EXIT_LEASE_HELD, serving

log = logging.getLogger("sealane.keeper")


def main() -> int:
    """Serve until SIGTERM; return the exit code."""
    beginning = process.begin()
    try:
        return asyncio.run(serving.serve(beginning))
    except SealaneError as failure:
        log.critical("%s (%s)", failure.sentence, failure.code)
        return EXIT_LEASE_HELD if isinstance(failure, LeaseHeld) else 1


if __name__ == "__main__":
    sys.exit(main())
