"""`python -m sealane.inspector.small`: the inspector that takes only what is small, so that nothing huge delays it."""

from __future__ import annotations

import asyncio

from sealane.inspector.__main__ import serve
from sealane.process import begin


def main() -> None:
    """Begin the process and run it."""
    asyncio.run(serve(begin(), small=True))


if __name__ == "__main__":
    main()
