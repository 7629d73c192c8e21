"""FHIR resources, from bundles and from NDJSON: patients, related persons, and what other resources say of a patient.

A resource that speaks of a patient by reference alone (a Condition) is a mention of them too: files of conditions
without their patients are about as many individuals as they name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sealane.exposure.model import DataClass
from sealane.exposure.people.mentions import MentionRows, marks_of
from sealane.exposure.tables.values import MBI

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIELDS: Final = (
    "family",
    "given",
    "suffix",
    "birth_date",
    "ssn",
    "drivers_license",
    "passport",
    "medicare_id",
    "medicaid_id",
    "member_id",
    "medical_record_number",
    "account_number",
    "phone",
    "email",
    "line",
    "city",
    "state",
    "zip",
    "owner",
    "reference",
    "context",
)
_MARKS: Final = {
    "Condition": (DataClass.DIAGNOSIS,),
    "DiagnosticReport": (DataClass.DIAGNOSIS,),
    "AllergyIntolerance": (DataClass.DIAGNOSIS,),
    "Procedure": (DataClass.PROCEDURE,),
    "ServiceRequest": (DataClass.PROCEDURE,),
    "Immunization": (DataClass.MEDICATION,),
    "MedicationRequest": (DataClass.MEDICATION,),
    "MedicationStatement": (DataClass.MEDICATION,),
    "MedicationAdministration": (DataClass.MEDICATION,),
    "MedicationDispense": (DataClass.MEDICATION,),
    "Claim": (DataClass.CLAIM,),
    "ClaimResponse": (DataClass.CLAIM,),
    "ExplanationOfBenefit": (DataClass.CLAIM,),
}
_KINDS: Final = {
    "SS": "ssn",
    "SB": "ssn",
    "DL": "drivers_license",
    "PPN": "passport",
    "MC": "medicare_id",
    "MA": "medicaid_id",
    "MB": "member_id",
    "SN": "member_id",
    "UMB": "member_id",
    "AN": "account_number",
    "MR": "medical_record_number",
}
_SYSTEMS: Final = (
    ("us-ssn", "ssn"),
    ("2.16.840.1.113883.4.1", "ssn"),
    ("us-mbi", "medicare_id"),
    ("us-medicare", "medicare_id"),
    ("2.16.840.1.113883.4.572", "medicare_id"),
    ("2.16.840.1.113883.4.927", "medicare_id"),
    ("medicaid", "medicaid_id"),
    ("passport", "passport"),
    ("2.16.840.1.113883.4.3.", "drivers_license"),
)


class FhirRows:
    """Takes resources and writes down whom they speak of."""

    def __init__(self, batch: int) -> None:
        """Nobody is written down yet."""
        self.rows = MentionRows(_FIELDS, batch)

    def take(self, value: object, *, address: str = "") -> None:
        """Take a resource, or a bundle with all in it. What is no resource is passed over."""
        for resource, url in _resources(value, address, 0):
            self.rows.records += 1
            kind = resource.get("resourceType")
            if kind == "Patient":
                self._patient(resource, _known_as(resource, url, "Patient"))
            elif kind == "RelatedPerson":
                within = _reference(resource.get("patient"))
                self._write(_person(resource), reference="", context=within, marks=0)
            elif isinstance(kind, str):
                self._about(resource, kind)

    def _patient(self, resource: dict[str, Any], known_as: str) -> None:
        person = _person(resource)
        person["owner"] = _text(_dict(resource.get("managingOrganization")).get("display"))
        self._write(person, reference=known_as, context="", marks=0)
        for contact in _list(resource.get("contact")):
            named = _person({**contact, "name": [contact.get("name")], "address": [contact.get("address")]})
            if named.get("family") or named.get("given"):
                self._write(named, reference="", context=known_as, marks=0)

    def _about(self, resource: dict[str, Any], kind: str) -> None:
        told = next((resource[name] for name in ("subject", "patient", "beneficiary") if name in resource), None)
        reference = _reference(told)
        if not reference or ("/" in reference and not reference.split("/")[-2].endswith("Patient")):
            return
        person = {"member_id": _text(resource.get("subscriberId"))} if kind == "Coverage" else {}
        self._write(person, reference=reference, context="", marks=marks_of(_MARKS.get(kind, ())))

    def _write(self, person: dict[str, str], *, reference: str, context: str, marks: int) -> None:
        self.rows.add((*[person.get(name, "") for name in _FIELDS[:-2]], reference, context, marks))


def is_resource(value: object) -> bool:
    """Tell whether a JSON value is a FHIR resource."""
    return isinstance(value, dict) and isinstance(value.get("resourceType"), str)


def _resources(value: object, url: str, depth: int) -> Iterator[tuple[dict[str, Any], str]]:
    if not isinstance(value, dict) or depth > 8:  # noqa: PLR2004  bundles in bundles in bundles
        return
    if value.get("resourceType") == "Bundle":
        for entry in _list(value.get("entry")):
            yield from _resources(entry.get("resource"), _text(entry.get("fullUrl")), depth + 1)
        return
    yield value, url
    for inner in _list(value.get("contained")):
        yield from _resources(inner, "", depth + 1)


def _known_as(resource: dict[str, Any], url: str, kind: str) -> str:
    """Return what others call this resource: `Patient/ID`, or its address in the bundle where that is no path."""
    name = _text(resource.get("id"))
    return url if url.startswith("urn:") and not name else f"{kind}/{name}" if name else url


def _reference(told: object) -> str:
    reference = _text(_dict(told).get("reference"))
    if reference.startswith("urn:uuid:"):
        return f"Patient/{reference.removeprefix('urn:uuid:')}"
    parts = reference.split("/_history/")[0].split("/")
    return "/".join(parts[-2:])


def _person(resource: dict[str, Any]) -> dict[str, str]:
    person: dict[str, str] = {"birth_date": _text(resource.get("birthDate"))}
    names = _list(resource.get("name"))
    name = next((each for each in names if each.get("use") in {"official", "usual"}), names[0] if names else {})
    person["family"] = _text(name.get("family"))
    given = name.get("given")
    person["given"] = _text(given[0]) if isinstance(given, list) and given else ""
    if not person["family"] and not person["given"] and (text := _text(name.get("text"))):
        first, _, last = text.rpartition(" ")
        person["given"], person["family"] = first.split(" ")[0], last
    suffix = name.get("suffix")
    person["suffix"] = _text(suffix[0]) if isinstance(suffix, list) and suffix else ""
    for identifier in _list(resource.get("identifier")):
        _identifier(identifier, person)
    for telecom in _list(resource.get("telecom")):
        kind = {"phone": "phone", "email": "email", "sms": "phone"}.get(_text(telecom.get("system")))
        if kind:
            person.setdefault(kind, _text(telecom.get("value")))
    addresses = _list(resource.get("address"))
    if addresses:
        address = next((each for each in addresses if each.get("use") == "home"), addresses[0])
        lines = address.get("line")
        person["line"] = " ".join(map(_text, lines)) if isinstance(lines, list) else _text(address.get("text"))
        for name_there, field in (("city", "city"), ("state", "state"), ("postalCode", "zip")):
            person[field] = _text(address.get(name_there))
    return person


def _identifier(identifier: dict[str, Any], person: dict[str, str]) -> None:
    value, system = _text(identifier.get("value")), _text(identifier.get("system")).lower()
    if not value:
        return
    codings = _list(_dict(identifier.get("type")).get("coding"))
    kind = next((field for mark, field in _SYSTEMS if mark in system), None)
    kind = kind or next((_KINDS[code] for each in codings if (code := _text(each.get("code"))) in _KINDS), None)
    if kind is None and MBI.fullmatch(value):
        kind = "medicare_id"
    if kind:
        person.setdefault(kind, value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[dict[str, Any]]:
    values = value if isinstance(value, list) else []
    return [each for each in values if isinstance(each, dict)]
