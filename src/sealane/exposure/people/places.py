"""The states of the United States: their codes, their names, and their ZIP prefixes (USPS Publication 65)."""

from __future__ import annotations

from typing import Final

_NAMES: Final = (
    "AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|DE Delaware|"
    "DC District of Columbia|FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois|IN Indiana|IA Iowa|KS Kansas|"
    "KY Kentucky|LA Louisiana|ME Maine|MD Maryland|MA Massachusetts|MI Michigan|MN Minnesota|MS Mississippi|"
    "MO Missouri|MT Montana|NE Nebraska|NV Nevada|NH New Hampshire|NJ New Jersey|NM New Mexico|NY New York|"
    "NC North Carolina|ND North Dakota|OH Ohio|OK Oklahoma|OR Oregon|PA Pennsylvania|RI Rhode Island|"
    "SC South Carolina|SD South Dakota|TN Tennessee|TX Texas|UT Utah|VT Vermont|VA Virginia|WA Washington|"
    "WV West Virginia|WI Wisconsin|WY Wyoming|PR Puerto Rico|VI Virgin Islands|GU Guam|AS American Samoa|"
    "MP Northern Mariana Islands|AE Armed Forces Europe|AA Armed Forces Americas|AP Armed Forces Pacific"
)
STATE_OF_NAME: Final = {name.upper(): code for code, _, name in (each.partition(" ") for each in _NAMES.split("|"))}
STATES: Final = frozenset(STATE_OF_NAME.values())

_PREFIXES: Final = (
    "NY 005 063 100-149|PR 006-007 009|VI 008|MA 010-027 055|RI 028-029|NH 030-038|ME 039-049|VT 050-054 056-059|"
    "CT 060-062 064-069|NJ 070-089|AE 090-098|PA 150-196|DE 197-199|DC 200 202-205 569|VA 201 220-246|MD 206-219|"
    "WV 247-268|NC 270-289|SC 290-299|GA 300-319 398-399|FL 320-339 341-342 344 346-347 349|AA 340|AL 350-352 354-369|"
    "TN 370-385|MS 386-397|KY 400-427|OH 430-459|IN 460-479|MI 480-499|IA 500-516 520-528|WI 530-532 534-535 537-549|"
    "MN 550-551 553-567|SD 570-577|ND 580-588|MT 590-599|IL 600-620 622-629|MO 630-631 633-641 644-658|"
    "KS 660-662 664-679|NE 680-681 683-693|LA 700-701 703-708 710-714|AR 716-729|OK 730-731 734-741 743-749|"
    "TX 733 750-770 772-799 885|CO 800-816|WY 820-831|ID 832-838|UT 840-847|AZ 850-853 855-857 859-860 863-865|"
    "NM 870-871 873-884|NV 889-891 893-895 897-898|CA 900-908 910-928 930-961|AP 962-966|HI 967-968|GU 969|"
    "OR 970-979|WA 980-986 988-994|AK 995-999"
)


def _by_prefix() -> dict[str, str]:
    found: dict[str, str] = {}
    for row in _PREFIXES.split("|"):
        state, *spans = row.split()
        for span in spans:
            first, _, last = span.partition("-")
            found |= {f"{prefix:03d}": state for prefix in range(int(first), int(last or first) + 1)}
    found["063"] = "CT"  # 06390 alone is in New York
    return found


STATE_OF_PREFIX: Final = _by_prefix()
"""The state of a ZIP code's first three digits."""

ELSEWHERE: Final = "non-us"
"""Told for an address that names a region which is none of these."""
