"""Rules and forms as data: dated TOML files that come with the program, and an officer's own in their place.

Either is read with the same checks: a type for every field, nothing that is not known, no id twice.
"""

from __future__ import annotations

import importlib.resources
import tomllib
from collections import Counter
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from sealane.desk.failures import RulesInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_FILE_BYTES_MAX: Final = 4 << 20

Content = TypeVar("Content", bound=msgspec.Struct)


def load(
    kind: type[Content], own: tuple[str, str], path: Path | None, *, what: str, ids: Callable[[Content], Iterable[str]]
) -> Content:
    """Return the content of `path`, or of the file that comes with the program. Raises `RulesInvalid`.

    `own`: the package and the name of that file; `what`: what it is a file of, in words; `ids`: what must not be twice.
    """
    try:
        if path is None:
            package, name = own
            text = importlib.resources.files(package).joinpath(name).read_text(encoding="utf-8")
        else:
            with path.open("rb") as file:
                content = file.read(_FILE_BYTES_MAX + 1)
            if len(content) > _FILE_BYTES_MAX:
                raise RulesInvalid(f"The file of {what} is larger than {_FILE_BYTES_MAX >> 20} MiB.")
            text = content.decode("utf-8")
        found = msgspec.convert(tomllib.loads(text), kind)
    except (OSError, ValueError, RecursionError) as problem:
        raise RulesInvalid(f"The file of {what} cannot be read: {problem}.") from None
    double = [name for name, times in Counter(ids(found)).items() if times > 1]
    if double:
        raise RulesInvalid(f"The file of {what} has {double[0]} twice.")
    return found
