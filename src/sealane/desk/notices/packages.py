"""What a data owner is told: the package of 45 CFR 164.410, sealed to the owner's own key.

It identifies each of the owner's individuals with the classes of their data, and has what the owner's own notices need;
nothing in it is of another owner.
"""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import msgspec

from sealane.desk.notices import merges
from sealane.vault.age import files, keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealane.desk.incidents.counting import Figures
    from sealane.desk.incidents.records import Incident
    from sealane.desk.notices.addressees import Addressee
    from sealane.desk.notices.letters import Occasion


def package(
    owner: str, addressees: Sequence[Addressee], incident: Incident, figures: Figures, occasion: Occasion
) -> bytes:
    """Return an owner's package: a tar file of the individuals and of what is known of the breach, in clear."""
    minors = sum(one.minor for one in addressees)
    states: dict[str, int] = {}
    classes: dict[str, int] = {}
    for one in addressees:
        states[one.state or "unknown"] = states.get(one.state or "unknown", 0) + 1
        for kind in one.classes:
            classes[kind] = classes.get(kind, 0) + 1
    about = {
        "under": "45 CFR 164.410(c)",
        "owner": owner,
        "incident": incident.title,
        "occurred": str(occasion.occurred),
        "discovered": str(occasion.discovered),
        "what_happened": occasion.party.happened,
        "individuals": len(addressees),
        "minors": minors,
        "by_state": dict(sorted(states.items())),
        "by_class": dict(sorted(classes.items())),
        "could_not_be_read": [
            {"version": one.version_id, "part": one.part, "why": one.why} for one in figures.unreadable
        ],
        "policy": figures.policy,
        "checkpoint": figures.checkpoint,
        "mitigation": occasion.party.doing,
        "advice_to_individuals": occasion.party.advice,
    }
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in (
            ("notice.json", msgspec.json.format(msgspec.json.encode(about)) + b"\n"),
            ("individuals.csv", merges.as_csv(addressees)),
        ):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o600
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


def sealed(content: bytes, recipients: Sequence[str]) -> bytes:
    """Seal a package to its owner's keys. Raises `KeyInvalid`, `RecipientsMixed`."""
    return files.seal(content, [keys.recipient(text) for text in recipients])
