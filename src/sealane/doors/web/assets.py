"""Styles, the browser's program and icons: read once, served under names that change with what is in them.

Must stay true: what stands at an address never changes, so that a browser may keep it for ever; each is also known by
its SHA-384, which pages tell the browser (Subresource Integrity).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from sealane.doors.http.problems import RouteMissing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealane.doors.web.visits import Visit

FOLDER: Final = Path(__file__).parent / "static"
BASE: Final = "/static/"
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_WORKER_POLICY: Final = (
    "default-src 'none'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_WORKERS: Final[Mapping[str, Mapping[str, str]]] = {
    "sealer.js": {"Content-Security-Policy": f"{_WORKER_POLICY}; script-src 'wasm-unsafe-eval'"},
    "handing.js": {"Content-Security-Policy": _WORKER_POLICY, "Service-Worker-Allowed": "/opened/"},
}
"""Programs that run apart from pages, under a policy of their own: they load nothing, and ask this server only. The one
that seals may run the compiled code that is in it (docs/decisions/0020); no page may."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of `static/`."""

    address: str
    integrity: str
    sha256: str
    """Hexadecimal; docs/programs.txt has it too."""
    headers: Mapping[str, str]
    media_type: str
    content: bytes
    compressed: bytes


class Assets:
    """All of them, by name and by address."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read what a page can use; licences lie beside and are not served."""
        self._by_name = {path.name: _read(path) for path in sorted(folder.iterdir()) if path.suffix in _MEDIA_TYPES}
        self._by_address = {asset.address: asset for asset in self._by_name.values()}

    def __getitem__(self, name: str) -> Asset:
        """Return an asset by the name of its file."""
        return self._by_name[name]

    async def serve(self, visit: Visit) -> Response:
        """Answer with an asset."""
        asset = self._by_address.get(visit.exchange.scope["path"])
        if asset is None:
            raise RouteMissing
        headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding", **asset.headers}
        offered = {
            part.partition(";")[0].strip() for part in visit.exchange.headers.get("accept-encoding", "").split(",")
        }
        if "gzip" in offered:
            return Response(
                asset.compressed, headers=headers | {"Content-Encoding": "gzip"}, media_type=asset.media_type
            )
        return Response(asset.content, headers=headers, media_type=asset.media_type)


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return Asset(
        address=f"{BASE}{path.stem}-{sha256[:16]}{path.suffix}",
        integrity="sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode(),
        sha256=sha256,
        headers=_WORKERS.get(path.name, {}),
        media_type=_MEDIA_TYPES[path.suffix],
        content=content,
        compressed=gzip.compress(content, 9, mtime=0),
    )
