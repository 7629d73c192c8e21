"""All notices of an incident, written into one new folder, with the attestation that names each by its digest."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from sealane.desk.failures import OutputExists
from sealane.desk.folder import make_private
from sealane.desk.incidents import deadlines, reconciling, scoping
from sealane.desk.notices import attestation, emails, letters, media, merges, packages, page, report, sheets
from sealane.desk.notices.addressees import PROCESSOR, Addressee, InFiles, alone, by_party
from sealane.desk.notices.addressees import of_incident as addressees_of
from sealane.desk.notices.letters import Occasion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from sealane.desk.folder import Folder
    from sealane.desk.incidents.counting import Figures
    from sealane.desk.incidents.deadlines import Rules
    from sealane.desk.incidents.records import Incident
    from sealane.desk.notices.party import Party
    from sealane.desk.notices.sheets import Forms
    from sealane.desk.taking import Taken

_PLAIN: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(slots=True)
class Made:
    """What was written."""

    files: dict[str, bytes] = field(default_factory=dict)
    letters: dict[str, int] = field(default_factory=dict)
    """Individuals to whom each party writes a letter."""
    without_address: dict[str, int] = field(default_factory=dict)
    emails: int = 0
    unsealed: list[str] = field(default_factory=list)
    """Owners whose package could not be sealed, since their key is not known."""
    gaps: list[str] = field(default_factory=list)


def make(
    folder: Folder,
    taken: Taken,
    incident: Incident,
    figures: Figures,
    *,
    party: Party,
    rules: Rules,
    recipients: Mapping[str, Sequence[str]],
    url: str,
    now: datetime,
    forms: Forms | None = None,
    by_email: bool = False,
) -> Made:
    """Make every notice.

    `recipients`: each data owner's public keys; `url`: where the public page will stand; `forms`: what authorities ask,
    or None for the forms that come with the program; `by_email`: write messages too, for individuals who agreed to it.
    """
    assert taken.map is not None, "there are figures, so there is a map"
    today = now.date()
    exposed = scoping.exposed(incident, taken.history)
    told = addressees_of(incident, taken.history)
    duties = deadlines.duties(rules, incident, figures)
    occasion = Occasion(
        party, party.name or letters.gap("name"), incident.occurred.date(), incident.discovered.date(), today
    )
    made = Made(gaps=party.gaps())
    for writer, addressees in by_party(taken.facts, taken.map, told, incident.discovered.date()):
        _write_to(made, writer, addressees, occasion, by_email=by_email)
    whose = packages.whose(figures, taken.facts, taken.history, incident)
    shared = packages.Told(incident, figures, occasion, whose)
    for owner, addressees in by_party(taken.facts, taken.map, alone(told), incident.discovered.date()):
        _package(made, owner, addressees, shared, recipients.get(owner, ()))
    made.files |= _samples(occasion, figures)
    for sheet in sheets.sheets(sheets.load() if forms is None else forms, occasion, figures, incident, rules):
        made.files[f"sheets/{sheet.name}.txt"] = sheet.as_text().encode()
        made.files[f"sheets/{sheet.name}.json"] = sheet.as_json()
    made.files |= {f"media/{name}": content for name, content in media.texts(occasion, figures, duties, url)}
    made.files["page/index.html"] = page.page(occasion, figures, url)
    if url:
        made.files["page/sitemap.xml"] = page.sitemap(url, occasion)
    contradictions = reconciling.contradictions(incident, figures, duties, today)
    said = report.told(incident, figures, contradictions, duties, taken.history, exposed, today)
    made.files["report.html"], made.files["report.pdf"] = report.as_html(said), report.as_pdf(said, today)
    made.files["deadlines.ics"] = deadlines.calendar(duties, incident, now).encode()
    made.files["figures.json"] = msgspec.json.format(msgspec.json.encode(figures)) + b"\n"
    made.files["attestation.json"] = attestation.signed(incident, figures, made.files, str(today), folder.attesting)
    return made


def _samples(occasion: Occasion, figures: Figures) -> dict[str, bytes]:
    """Return the letter with nobody's data in it, as authorities want it; the short one where a state wants that."""
    whose = "[the organization whose files they were]"
    states = ["", *sorted(letters.SILENT_STATES & set(figures.by_state))]
    nobody = [
        Addressee(
            number=0, given="[given name]", family="[family name]", minor=False, line="[street address]", city="[city]",
            state=state, zip="[ZIP code]", email="", owners=(whose,), classes=tuple(figures.by_class),
            files=(InFiles("[kind of file]", whose, tuple(figures.by_class)),),
        )
        for state in states
    ]  # fmt: skip
    made = [content for _, content in letters.as_pdf(occasion, nobody)]
    return dict(zip((sheets.SAMPLE, sheets.SHORT_SAMPLE), made, strict=False))


def _write_to(made: Made, writer: str, addressees: Sequence[Addressee], occasion: Occasion, *, by_email: bool) -> None:
    """Make the letters of one notifying party."""
    own = occasion if writer == PROCESSOR else Occasion(
        occasion.party, writer, occasion.occurred, occasion.discovered, occasion.today
    )  # fmt: skip
    place = f"letters/{plain_name(writer)}"
    for name, content in letters.as_pdf(own, addressees):
        made.files[f"{place}/{name}"] = content
    for name, content in emails.messages(own, addressees) if by_email else ():
        made.files[f"{place}/emails/{name}"] = content
        made.emails += 1
    reached = [one for one in addressees if one.reachable]
    missing = [one for one in addressees if not one.reachable]
    made.files[f"{place}/mail-merge.csv"] = merges.as_csv(reached)
    made.files[f"{place}/mail-merge.xlsx"] = merges.as_xlsx(reached)
    if missing:
        made.files[f"{place}/without-address.csv"] = merges.as_csv(missing)
    made.letters[writer] = len(reached)
    made.without_address[writer] = len(missing)


def _package(
    made: Made,
    owner: str,
    addressees: Sequence[Addressee],
    told: packages.Told,
    recipients: Sequence[str],
) -> None:
    if recipients:
        content = packages.package(owner, addressees, told)
        made.files[f"owners/{plain_name(owner)}.tar.age"] = packages.sealed(content, recipients)
    else:
        made.unsealed.append(owner)


def plain_name(name: str) -> str:
    """Return a name as a file may be called, another one for each: a stranger's text steers no path."""
    plain = _PLAIN.sub("-", name).strip("-.")[:80]
    return plain if plain == name else f"{plain or 'unnamed'}-{sha256(name.encode()).hexdigest()[:8]}"


def write(made: Made, out: Path) -> None:
    """Write what was made into a new folder, for its owner alone. Raises `OutputExists`."""
    try:
        make_private(out)
        if any(out.iterdir()):
            raise OutputExists
    except (FileExistsError, NotADirectoryError):
        raise OutputExists from None
    for name, content in sorted(made.files.items()):
        path = out / name
        make_private(path.parent)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
