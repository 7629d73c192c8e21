"""Who writes the notices and how they are reached: a file of the officer's, never guessed.

What is left out of it is not invented: it stands as a gap in every notice, and the notices are drafts until it is told.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from sealane.desk.failures import PartyInvalid

if TYPE_CHECKING:
    from pathlib import Path

_FILE_BYTES_MAX: Final = 1 << 20
_Text = Annotated[str, msgspec.Meta(max_length=4000)]
Lines = tuple[Annotated[str, msgspec.Meta(max_length=400)], ...]


class Party(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who writes, and what only they know. Every field may be left out; `gaps` names those that must not stay so."""

    name: _Text = ""
    address: Lines = ()
    phone: _Text = ""
    """Toll-free, staffed."""
    email: _Text = ""
    website: _Text = ""
    happened: Lines = ()
    """What happened, in plain language, a paragraph each."""
    doing: Lines = ()
    """What the party does to investigate, to mitigate, and against the next one."""
    advice: Lines = ()
    """What individuals should do, the most important first."""
    protection: _Text = ""
    """What is offered against misuse: by whom, for how long, how to enrol. Empty: nothing."""
    signed_by: _Text = ""
    organization_type: _Text = ""
    contact_name: _Text = ""
    contact_title: _Text = ""

    def gaps(self) -> list[str]:
        """Return the names of the fields that a notice cannot do without (45 CFR 164.404(c)) and that are not told."""
        return [
            name for name in ("name", "address", "phone", "happened", "doing", "signed_by") if not getattr(self, name)
        ]


ADVICE: Final = (
    "Read every statement of your health plan. Call the plan about any service that you did not receive.",
    "Place a free credit freeze with Equifax, Experian and TransUnion. Nobody can then open credit in your name.",
    "Ask for your free credit reports at annualcreditreport.com and look for accounts that are not yours.",
    "If somebody misuses your data, report it at identitytheft.gov and to the police.",
)
"""What helps after most thefts, the most important first, unless the party says otherwise."""


def load(path: Path | None) -> Party:
    """Return the party of a TOML file, or one that tells nothing. Raises `PartyInvalid`."""
    if path is None:
        return Party()
    try:
        with path.open("rb") as file:
            return msgspec.convert(tomllib.loads(file.read(_FILE_BYTES_MAX).decode("utf-8")), Party)
    except (OSError, ValueError) as problem:
        raise PartyInvalid(f"{path} cannot be read: {problem}.") from None
