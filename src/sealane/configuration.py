"""How settings are given: defaults, then an optional TOML file (`--config`), then `SEALANE_*` variables, then flags.

Those in `CHANGEABLE` can be changed at a page too, unless one of these three has set them (`in_force`).

Unknown names are refused, and what is out of bounds, whichever way it came: a misspelt limit must not silently be no
limit, and none may be a limit under which nothing works.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import os
import tomllib
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from sealane.settings import KIB, MIB, SLOT_BYTES, SettingInvalid, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_FROM_NOTHING = frozenset(
    {
        "drain_seconds",
        "exposure_read",
        "former_header_keep_seconds",
        "inline_bytes_max",
        "inspectors",
        "kept_versions_percent",
        "ledger_reserve_bytes",
        "password_score_min",
        "quota_bytes",
        "quota_files",
        "payload_digest_at_once",
        "reading_behind_everywhere",
        "refused_body_bytes_max",
        "sftp_express",
        "sign_in_slow_after",
        "ssh_rsa_host_key_bits",
        "version_keep_seconds",
    }
)
"""Numbers of which 0 means something. Every other number is 1 at least."""
_LEAST = {
    "answer_bytes_max": MIB,
    "frame_bytes_max": MIB,
    "header_bytes_max": 4 * KIB,
    "http2_window_bytes": 64 * KIB,
    "reader_memory_bytes_max": 256 * MIB,
    "segment_bytes_max": SLOT_BYTES,
    "sftp_packet_bytes_max": 34_000,  # draft-ietf-secsh-filexfer-02, 3: every server takes as much
    "sftp_rekey_bytes": MIB,
    "sftp_replies_bytes_max": 64 * KIB,
    "sftp_window_bytes": 64 * KIB,
}
"""Numbers below which nothing works, or next to nothing."""
_RSA_BITS_LEAST = 2048
_MOST = {
    "exposure_read": 1,
    "http2_window_bytes": 2**31 - 1,
    "password_score_min": 4,
    "inspectors": 64,
    "payload_digest_at_once": 1,
    "reading_behind_everywhere": 1,
    "sftp_express": 1,
    "ssh_rsa_host_key_bits": 16_384,
    "workers": 1024,
}
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_MEGABYTE = 1_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Changeable:
    """Between what a setting can be changed at a page: no way to make the node unusable, or to destroy what is kept."""

    least: int
    most: int
    unit: int = 1
    """What people count it in: seconds of a day, bytes of a megabyte."""


CHANGEABLE: Final = {
    "session_idle_seconds": Changeable(5 * _MINUTE, 12 * _HOUR, _MINUTE),
    "web_session_lifetime_seconds": Changeable(_HOUR, 168 * _HOUR, _HOUR),
    "proof_seconds": Changeable(_MINUTE, _HOUR, _MINUTE),
    "link_seconds": Changeable(_HOUR, 720 * _HOUR, _HOUR),
    "password_characters_min": Changeable(8, 64),
    "password_score_min": Changeable(2, 4),
    "sign_in_failures_max": Changeable(3, 50),
    "sign_in_lock_seconds": Changeable(_MINUTE, 24 * _HOUR, _MINUTE),
    "share_seconds": Changeable(_DAY, 365 * _DAY, _DAY),
    "share_seconds_max": Changeable(_DAY, 365 * _DAY, _DAY),
    "guest_keep_seconds": Changeable(_DAY, 3650 * _DAY, _DAY),
    "version_keep_seconds": Changeable(7 * _DAY, 3650 * _DAY, _DAY),
    "upload_keep_seconds": Changeable(_DAY, 90 * _DAY, _DAY),
    "file_bytes_max": Changeable(_MEGABYTE, 5_497_558 * _MEGABYTE, _MEGABYTE),
}
"""The settings that can be changed at a page."""
_SECONDS_MOST = 100 * 365 * 86_400
_NUMBER_MOST = 2**63 - 1

_PREFIX = "SEALANE_"
_NO_SETTINGS = frozenset(
    {
        *("SEALANE_DATA", "SEALANE_CONFIG"),  # the operator's commands
        *("SEALANE_URL", "SEALANE_TOKEN", "SEALANE_CA", "SEALANE_IDENTITY"),  # the user's commands
        "SEALANE_DESK",  # the officer's commands
        *("SEALANE_REQUIRE_PEERS", "SEALANE_HYPOTHESIS", "SEALANE_CRASH_SEED", "SEALANE_BENCH_FOLDER"),  # tests, bench
    }
)
"""Variables that others read and that name no setting."""


def load(*, config: Path | None = None, environ: Mapping[str, str] = os.environ, **flags: object) -> Settings:
    """Return the settings from file, environment and flags, in rising order of weight; a flag of None is not given.

    Raises `SettingInvalid` for an unknown name in any of the three, and for a value of the wrong type or out of bounds.
    """
    known = _kinds()
    given = {**_of_file(config), **_of_environment(environ, known)}
    given.update({name: value for name, value in flags.items() if value is not None})
    checked: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            like = _nearest(name, known)
            raise SettingInvalid(f"There is no setting {name!r}." + (f" Did you mean {like}?" if like else ""))
        checked[name] = _checked(name, value, known[name])
    return dataclasses.replace(Settings(), **checked, given=tuple(sorted(checked)))


def in_force(settings: Settings, changed: Mapping[str, int]) -> Settings:
    """Return the settings with what was changed at a page, but for what file, environment or a flag has set.

    What cannot be changed so, or is out of its bounds (an older or newer release kept it), counts for nothing.
    """
    counting: dict[str, Any] = {
        name: value
        for name, value in changed.items()
        if name in CHANGEABLE
        and name not in settings.given
        and CHANGEABLE[name].least <= value <= CHANGEABLE[name].most
    }
    return dataclasses.replace(settings, **counting)


def as_told(settings: Settings, told: Mapping[str, int]) -> Settings:
    """Return a door's settings with what the keeper has told: it has judged, and its defaults have no bounds."""
    counting: dict[str, Any] = {name: value for name, value in told.items() if name in CHANGEABLE}
    return dataclasses.replace(settings, **counting)


def changeable_of(settings: Settings) -> dict[str, int]:
    """Return the settings that can be changed at a page, as they are: what doors are told."""
    return {name: getattr(settings, name) for name in CHANGEABLE}


@functools.cache
def _kinds() -> dict[str, Any]:
    """Return the type of every setting."""
    return {name: kind for name, kind in get_type_hints(Settings).items() if name != "given"}


def _of_file(config: Path | None) -> dict[str, object]:
    if config is None:
        return {}
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise SettingInvalid(f"The configuration file cannot be read: {problem}") from None


def _of_environment(environ: Mapping[str, str], known: Mapping[str, object]) -> dict[str, object]:
    variables = {f"{_PREFIX}{name.upper()}": name for name in known}
    given: dict[str, object] = {}
    for variable, value in environ.items():
        if variable in variables:
            given[variables[variable]] = value
        elif variable.startswith(_PREFIX) and variable not in _NO_SETTINGS:
            others = (other.removeprefix(_PREFIX) for other in (*variables, *_NO_SETTINGS))
            like = _nearest(variable.removeprefix(_PREFIX), others)
            asked = f" Did you mean {_PREFIX}{like}?" if like else ""
            raise SettingInvalid(f"The variable {variable} names no setting.{asked}")
    return given


def _nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most like this one, or nothing where none is."""
    return "".join(difflib.get_close_matches(name, list(known), n=1))


def _checked(name: str, value: object, wanted: type) -> int | str:
    if wanted is int and not isinstance(value, bool):
        try:
            number = int(str(value))
        except ValueError:
            raise SettingInvalid(f"The setting {name!r} needs a whole number.") from None
        _check_bounds(name, number)
        return number
    if wanted is str and isinstance(value, str):
        return value
    raise SettingInvalid(f"The setting {name!r} needs {'a number' if wanted is int else 'text'}.")


def _check_bounds(name: str, number: int) -> None:
    least = 0 if name in _FROM_NOTHING else _LEAST.get(name, 1)
    if number < least:
        raise SettingInvalid(f"The setting {name!r} is {least} at least.")
    if name == "ssh_rsa_host_key_bits" and 0 < number < _RSA_BITS_LEAST:
        raise SettingInvalid(f"The setting {name!r} is 0, or {_RSA_BITS_LEAST} at least.")
    most = _MOST.get(name, _SECONDS_MOST if "seconds" in name else _NUMBER_MOST)
    if number > most:
        raise SettingInvalid(f"The setting {name!r} is {most} at most.")
