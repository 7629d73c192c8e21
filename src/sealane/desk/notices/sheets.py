"""Field sheets: what an authority's web form asks, in the form's order, with what the desk knows filled in.

The forms have no interface for programs, and some cannot be saved half-way: a person types, with the sheet beside them.
What the desk does not know is empty and marked. `verified`: where the order of fields was read, and how sure it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealane.desk.incidents.counting import Figures
    from sealane.desk.notices.letters import Occasion

BY_HAND: Final = ""
_MANY: Final = 500
_AGENCIES: Final = 1000


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form."""

    section: str
    name: str
    value: str = BY_HAND
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A form, filled in as far as is known."""

    name: str
    title: str
    verified: str
    fields: tuple[Field, ...]

    def as_text(self) -> str:
        """Return the sheet to be read beside the form."""
        lines = [self.title, "=" * len(self.title), "", f"Fields: {self.verified}. Confirm with counsel.", ""]
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
            "verified": self.verified,
            "fields": [
                {"section": each.section, "name": each.name, "value": each.value or None, "hint": each.hint}
                for each in self.fields
            ],
        }
        return msgspec.json.format(msgspec.json.encode(told)) + b"\n"


def sheets(occasion: Occasion, figures: Figures, owners: Sequence[str]) -> list[Sheet]:
    """Return the sheets of the authorities that are concerned."""
    found = [health_and_human_services(occasion, figures, owners)]
    if figures.by_state.get("ME"):
        found.insert(0, maine(occasion, figures))
    return found


def maine(occasion: Occasion, figures: Figures) -> Sheet:
    """Return the sheet for Maine's Attorney General (10 M.R.S. 1348)."""
    party, classes = occasion.party, figures.by_class
    residents = figures.by_state.get("ME", 0)
    street, place = (*party.address, "", "")[:2]
    entity, by, breach, kinds, told, offer = (
        "Entity", "Submitted by", "Breach", "Information acquired (name or other identifier with)", "Notification",
        "Identity theft protection",
    )  # fmt: skip
    return Sheet(
        "maine-attorney-general",
        "Maine Attorney General: data breach notification",
        "the headings of Maine's published table and detail pages, 2026-11-22; the live form was not seen",
        (
            Field(entity, "Type of organization", party.organization_type),
            Field(entity, "Entity name", party.name),
            Field(entity, "Street address", street),
            Field(entity, "City, state, zip", place),
            Field(by, "Name", party.contact_name),
            Field(by, "Title", party.contact_title),
            Field(by, "Telephone", party.phone),
            Field(by, "E-mail", party.email),
            Field(by, "Relationship to the entity whose information was compromised"),
            Field(breach, "Total number of persons affected (including Maine residents)", str(figures.people["strict"]),
                  _completeness(figures)),
            Field(breach, "Total number of Maine residents affected", str(residents)),
            Field(breach, "If more than 1,000 Maine residents: have the consumer reporting agencies been notified?",
                  BY_HAND if residents > _AGENCIES else "does not apply"),
            Field(breach, "Date(s) breach occurred", str(occasion.occurred)),
            Field(breach, "Date breach discovered", str(occasion.discovered)),
            Field(breach, "Description of the breach", BY_HAND,
                  "loss or theft of device or media; internal system breach; insider wrongdoing; external system breach"
                  " (hacking); inadvertent disclosure; other"),
            Field(kinds, "Social Security number", _yes(classes, "ssn")),
            Field(kinds, "Driver's license or non-driver identification number", _yes(classes, "drivers_license")),
            Field(kinds, "Financial account or card number with code, password or PIN",
                  _yes(classes, "account_number", "card_number"), "only together with a code or password"),
            Field(kinds, "Medical information", _yes(classes, "diagnosis", "procedure", "medication", "claim"),
                  "on newer detail pages"),
            Field(told, "Type of notification", BY_HAND, "written; electronic; telephone; substitute"),
            Field(told, "Date(s) of consumer notification"),
            Field(told, "Copy of the notice", "letters"),
            Field(told, "Dates of any breach notifications within the previous 12 months"),
            Field(offer, "Were identity theft protection services offered?", "yes" if party.protection else "no"),
            Field(offer, "Duration, provider, description", party.protection),
        ),
    )  # fmt: skip


def health_and_human_services(occasion: Occasion, figures: Figures, owners: Sequence[str]) -> Sheet:
    """Return the sheet for the breach portal of HHS (45 CFR 164.408)."""
    party, classes = occasion.party, figures.by_class
    report, entity, breach, notice, end = (
        "Report", "Covered entities", "Breach", "Notice of breach and actions taken", "Attestation"
    )  # fmt: skip
    people = figures.people["strict"]
    return Sheet(
        "hhs-portal",
        "HHS Office for Civil Rights: breach portal",
        "HHS's list of required information for the sister portal (42 CFR Part 2, 2025) and a law firm's list;"
        " certainty B, the options' wording is to be confirmed",
        (
            Field(report, "Initial report or addendum", "initial", "an addendum cites the tracking number"),
            Field(report, "Who files", BY_HAND, "covered entity; business associate for covered entities"),
            Field(entity, "Name, without abbreviations", party.name),
            Field(entity, "Address", ", ".join(party.address)),
            Field(entity, "Contact", ", ".join(filter(None, (party.contact_name, party.phone, party.email)))),
            *(Field(entity, f"Covered entity: {owner}", str(figures.by_owner[owner]), "one block for each")
              for owner in owners if owner in figures.by_owner),
            Field(breach, "Individuals affected", "500 or more" if people >= _MANY else "fewer than 500"),
            Field(breach, "Breach start date", str(occasion.occurred)),
            Field(breach, "Breach end date"),
            Field(breach, "Discovery start date", str(occasion.discovered)),
            Field(breach, "Discovery end date"),
            Field(breach, "Approximate number of individuals", str(people), _completeness(figures)),
            Field(breach, "Type of breach", BY_HAND,
                  "hacking/IT incident; improper disposal; loss; theft; unauthorized access/disclosure"),
            Field(breach, "Location of breached information", "network server"),
            Field(breach, "Type of protected health information",
                  ", ".join(name for name, kinds in _PORTAL_KINDS.items() if _yes(classes, *kinds) == "yes")),
            Field(breach, "Brief description (up to 4,000 characters)", " ".join(party.happened)[:4000]),
            Field(breach, "Safeguards in place before", BY_HAND,
                  "none; privacy rule; security rule: administrative, physical, technical"),
            Field(notice, "Individual notice: start and end dates"),
            Field(notice, "Substitute notice", BY_HAND, "no; fewer than 10; 10 or more"),
            Field(notice, "Media notice, and where", ", ".join(
                state for state, count in figures.by_state.items() if count > _MANY and len(state) == 2  # noqa: PLR2004
            ), "states with more than 500 residents affected"),
            Field(notice, "Actions taken in response", " ".join(party.doing)),
            Field(end, "Name of who attests"),
        ),
    )  # fmt: skip


_PORTAL_KINDS: Final = {
    "clinical": ("diagnosis", "procedure", "medication", "claim", "medical_record_number"),
    "demographic": ("name", "birth_date", "address", "phone", "email", "ssn", "drivers_license"),
    "financial": ("account_number", "card_number"),
    "other": ("member_id", "medicare_id", "medicaid_id", "passport", "itin", "credential"),
}


def _yes(classes: dict[str, int], *kinds: str) -> str:
    return "yes" if any(classes.get(kind) for kind in kinds) else "no"


def _completeness(figures: Figures) -> str:
    unread = figures.coverage["partial"] + figures.coverage["unreadable"]
    return f"at least: {unread} files could not be read wholly" if unread else "all files were read"
