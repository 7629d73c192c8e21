"""What clients write: paths and metadata, encoded."""

import base64
from collections.abc import Mapping
from urllib.parse import quote


def show_target(path: str) -> str:
    """A path in a request target, each name percent-encoded once."""
    return quote(path, safe="/")


def show_metadata(members: Mapping[str, bytes]) -> str:
    """Members as tus's `Upload-Metadata` has them; an empty value is left out with its space."""
    return ",".join(f"{key} {base64.b64encode(value).decode()}".rstrip() for key, value in members.items())
