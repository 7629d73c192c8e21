"""Field sheets: what an authority's form asks, in the form's order, with what the desk knows filled in.

The forms have no interface for programs, and some cannot be saved half-way: a person types, with the sheet beside them.
`forms.toml` has the forms as data, with where the order of the fields was read and how sure it is; here is how a field
is filled in. What the desk does not know is empty and marked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec

from sealane.desk import dated_files
from sealane.desk.incidents import deadlines
from sealane.desk.incidents.deadlines import SURE
from sealane.desk.notices.letters import SILENT_STATES
from sealane.exposure.model import DataClass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sealane.desk.incidents.counting import Figures
    from sealane.desk.incidents.deadlines import Duty, Rules
    from sealane.desk.incidents.records import Incident
    from sealane.desk.notices.letters import Occasion

BY_HAND: Final = ""
SAMPLE: Final = "sheets/sample-letter.pdf"
"""The notice with nobody's data in it, beside the sheets."""
SHORT_SAMPLE: Final = "sheets/sample-letter-short.pdf"
"""The same for states that want the breach not described."""
_MANY: Final = 500
_DESCRIPTION_MAX: Final = 4000
_EVERYWHERE: Final = "US"

Fill = Literal[
    "", "address", "agencies", "contact", "contact_name", "contact_title", "determined", "discovered", "doing", "email",
    "five_hundred", "happened", "initial", "kinds", "media", "name", "notified", "occurred",
    "organization_type", "owners", "people", "phone", "place", "protected", "protection", "residents", "sample",
    "server", "street", "yes",
]  # fmt: skip
_Text = Annotated[str, msgspec.Meta(min_length=1)]


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One field of a form, as the file of forms has it."""

    section: _Text
    name: _Text
    fill: Fill = ""
    hint: str = ""
    classes: tuple[DataClass, ...] = ()
    kinds: dict[str, tuple[DataClass, ...]] = {}
    substitute: bool = False
    """The hint says when a notice in another way is allowed."""


class Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A form, as the file of forms has it."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,64}$")]
    title: _Text
    where: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}$")]
    """A state, or US: whomever is affected."""
    rules: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    agencies: str = ""
    order: _Text
    verified_on: date
    certainty: Literal["A", "B", "C"]
    fields: Annotated[tuple[Asked, ...], msgspec.Meta(min_length=1)]


class Forms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of forms."""

    version: str
    form: tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form, filled in."""

    section: str
    name: str
    value: str = BY_HAND
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A form, filled in as far as is known."""

    name: str
    title: str
    owed: str
    """Whether these figures ask for it, and until when."""
    verified: str
    fields: tuple[Field, ...]

    def as_text(self) -> str:
        """Return the sheet to be read beside the form."""
        lines = [self.title, "=" * len(self.title), "", self.owed, f"Fields: {self.verified}", ""]
        section = ""
        for field in self.fields:
            if field.section != section:
                section = field.section
                lines += [section, "-" * len(section)]
            lines.append(f"{field.name}: {field.value or '[by hand]'}" + (f"   ({field.hint})" if field.hint else ""))
        return "\n".join([*lines, ""])

    def as_json(self) -> bytes:
        """Return the sheet for programs."""
        told = {
            "form": self.name,
            "title": self.title,
            "owed": self.owed,
            "verified": self.verified,
            "fields": [
                {"section": each.section, "name": each.name, "value": each.value or None, "hint": each.hint}
                for each in self.fields
            ],
        }
        return msgspec.json.format(msgspec.json.encode(told)) + b"\n"


@dataclass(frozen=True, slots=True)
class _Known:
    """What there is to fill a form in with."""

    form: Form
    occasion: Occasion
    figures: Figures
    incident: Incident
    duties: Sequence[Duty]
    rules: Rules

    @property
    def residents(self) -> int:
        """Whom the authority of this form asks about."""
        if self.form.where == _EVERYWHERE:
            return self.figures.people["strict"]
        return self.figures.by_state.get(self.form.where, 0)

    def other_ways(self) -> str:
        """Return when the law of this state allows a notice in another way than by letter."""
        found = [one for one in self.rules.substitute if one.where == self.form.where]
        return "; ".join(one.sentence() for one in found)

    def owed(self, *rules: str) -> list[Duty]:
        """Return the duties that these rules bring with these figures."""
        return [duty for duty in self.duties if duty.rule.id in rules]

    def there(self, kinds: Sequence[DataClass]) -> bool:
        """Tell whether anybody's data of these classes is in the files."""
        return any(self.figures.by_class.get(kind) for kind in kinds)


def load(path: Path | None = None) -> Forms:
    """Return the forms that come with the program, or those of a file. Raises `RulesInvalid`."""
    return dated_files.load(Forms, ("sealane.desk.notices", "forms.toml"), path, what="forms", ids=_ids)


def _ids(told: Forms) -> list[str]:
    return [one.id for one in told.form]


def sheets(forms: Forms, occasion: Occasion, figures: Figures, incident: Incident, rules: Rules) -> list[Sheet]:
    """Return the sheets of the authorities of whose residents anybody is affected, owed or not."""
    duties = deadlines.duties(rules, incident, figures)
    known = [_Known(form, occasion, figures, incident, duties, rules) for form in forms.form]
    return [_filled(one) for one in known if one.residents]


def _filled(known: _Known) -> Sheet:
    form = known.form
    doubt = "" if form.certainty == SURE else " Confirm with counsel."
    verified = f"{form.order}; {form.verified_on}, certainty {form.certainty}; the live form was not seen.{doubt}"
    fields = tuple(field for asked in form.fields for field in _answered(asked, known))
    return Sheet(form.id, form.title, _owed(known), verified, fields)


def _owed(known: _Known) -> str:
    found = known.owed(*known.form.rules)
    if not found:
        return (
            f"Not owed by these figures ({known.residents:,} residents affected; rule {' or '.join(known.form.rules)})."
            " Confirm with counsel."
        )
    first = min(found, key=lambda duty: duty.due or date.max)
    until = f"by {first.due}" if first.due else "without unreasonable delay"
    return f"Owed {until}: {first.rule.citation}." + (" Confirm with counsel." if first.unsure else "")


def _answered(asked: Asked, known: _Known) -> Iterator[Field]:
    if asked.fill == "owners":
        for owner, count in known.figures.by_owner.items():
            yield Field(asked.section, f"{asked.name}: {owner}", str(count), asked.hint)
        return
    value = _FILLS[asked.fill](asked, known)
    hints = [asked.hint]
    if asked.fill in _COUNTS:
        hints.append(_completeness(known.figures))
    if asked.substitute:
        hints.append(known.other_ways())
    yield Field(asked.section, asked.name, value, "; ".join(filter(None, hints)))


_COUNTS: Final = ("people", "residents")


def _kinds(asked: Asked, known: _Known) -> str:
    return ", ".join(name for name, kinds in asked.kinds.items() if known.there(kinds))


def _notified(_: Asked, known: _Known) -> str:
    days = sorted(one.on for one in known.incident.deliveries if one.state == "sent")
    return "" if not days else str(days[0]) if days[0] == days[-1] else f"{days[0]} to {days[-1]}"


def _determined(_: Asked, known: _Known) -> str:
    day = known.incident.moment("determined")
    return str(day.date()) if day else BY_HAND


def _agencies(_: Asked, known: _Known) -> str:
    found = known.owed(known.form.agencies)
    if not found:
        return "not owed by these figures"
    done = found[0].done
    return f"yes, on {done}" if done else BY_HAND


def _media(_: Asked, known: _Known) -> str:
    return ", ".join(sorted(duty.where for duty in known.duties if duty.rule.to == "media"))


def _place(_: Asked, known: _Known) -> str:
    return known.occasion.party.address[-1] if len(known.occasion.party.address) > 1 else BY_HAND


def _street(_: Asked, known: _Known) -> str:
    return ", ".join(known.occasion.party.address[:-1] or known.occasion.party.address)


def _contact(_: Asked, known: _Known) -> str:
    party = known.occasion.party
    return ", ".join(filter(None, (party.contact_name, party.contact_title, party.phone, party.email)))


_FILLS: Final[Mapping[Fill, Callable[[Asked, _Known], str]]] = {
    "": lambda _, __: BY_HAND,
    "address": lambda _, known: ", ".join(known.occasion.party.address),
    "agencies": _agencies,
    "contact": _contact,
    "contact_name": lambda _, known: known.occasion.party.contact_name,
    "contact_title": lambda _, known: known.occasion.party.contact_title,
    "determined": _determined,
    "discovered": lambda _, known: str(known.occasion.discovered),
    "doing": lambda _, known: " ".join(known.occasion.party.doing),
    "email": lambda _, known: known.occasion.party.email,
    "five_hundred": lambda _, known: "500 or more" if known.residents >= _MANY else "fewer than 500",
    "happened": lambda _, known: " ".join(known.occasion.party.happened)[:_DESCRIPTION_MAX],
    "initial": lambda _, __: "initial",
    "kinds": _kinds,
    "media": _media,
    "name": lambda _, known: known.occasion.party.name,
    "notified": _notified,
    "occurred": lambda _, known: str(known.occasion.occurred),
    "organization_type": lambda _, known: known.occasion.party.organization_type,
    "people": lambda _, known: str(known.figures.people["strict"]),
    "phone": lambda _, known: known.occasion.party.phone,
    "place": _place,
    "protected": lambda _, known: "yes" if known.occasion.party.protection else "no",
    "protection": lambda _, known: known.occasion.party.protection,
    "residents": lambda _, known: str(known.residents),
    "sample": lambda _, known: SHORT_SAMPLE if known.form.where in SILENT_STATES else SAMPLE,
    "server": lambda _, __: "network server",
    "street": _street,
    "yes": lambda asked, known: "yes" if known.there(asked.classes) else "no",
}


def _completeness(figures: Figures) -> str:
    unread = figures.coverage["partial"] + figures.coverage["unreadable"]
    return f"at least: {unread} files could not be read wholly" if unread else "all files were read"
