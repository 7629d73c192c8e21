r"""The one path parser. Bytes or text from outside become a tuple of checked names here, once, and nowhere else.

A path is `/`-separated and absolute below the virtual root. A name is Unicode in normal form C, 1 to
`NAME_BYTES_MAX` bytes of UTF-8, without control, format-override or surrogate characters, without `/` and `\`,
not `.` or `..`, and neither begins nor ends with a space. Refused, never repaired: only the normal form is made.

What lives here: parsing and printing. Not here: what a path names for whom (`domain/places.py`).
Must stay true: `parse(show(p)) == p` for every parsed path, and no parsed path leaves its root.
"""

from __future__ import annotations

import unicodedata

from sealane.errors import PathInvalid

Path = tuple[str, ...]
ROOT: Path = ()

NAME_BYTES_MAX = 255
PATH_BYTES_MAX = 4096
DEPTH_MAX = 64

# Cc control, Cf format (bidi overrides, zero width), Cs surrogate, Co private use, Cn unassigned, Zl/Zp separators.
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
# Format characters that scripts need inside words (zero width joiner and non-joiner) stay allowed.
_ALLOWED_FORMAT = frozenset({"\u200c", "\u200d"})


def check_name(name: str) -> str:
    """Return `name` in normal form C, or raise `PathInvalid` saying which rule it breaks."""
    if not name:
        raise PathInvalid("The path has an empty name in it.")
    if name in {".", ".."}:
        raise PathInvalid("The path may not contain '.' or '..'.")
    normal = unicodedata.normalize("NFC", name)
    plain = normal.isascii() and normal.isprintable() and "/" not in normal and "\\" not in normal
    for character in "" if plain else normal:  # nearly every name is plain, and this is asked at every step
        category = unicodedata.category(character)
        if category in _FORBIDDEN_CATEGORIES or (category == "Cf" and character not in _ALLOWED_FORMAT):
            raise PathInvalid("The name contains a control or invisible character.")
        if character in "/\\":
            raise PathInvalid("The name contains a slash or backslash.")
    if normal != normal.strip(" "):
        raise PathInvalid("The name begins or ends with a space.")
    if len(normal.encode()) > NAME_BYTES_MAX:
        raise PathInvalid(f"The name is longer than {NAME_BYTES_MAX} bytes.")
    return normal


def decode(raw: bytes) -> str:
    """Return the text of a path that a protocol carries as bytes; overlong or broken UTF-8 is refused (RFC 3629)."""
    try:
        return raw.decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise PathInvalid("The path is not valid UTF-8.") from None


def parse(text: str) -> Path:
    """Return the checked names of an absolute path. `.`, `..` and empty names inside are refused.

    A leading and one trailing slash are allowed; `""` and `"/"` are the root.
    """
    if len(text.encode("utf-8", "surrogatepass")) > PATH_BYTES_MAX:
        raise PathInvalid(f"The path is longer than {PATH_BYTES_MAX} bytes.")
    trimmed = text.removeprefix("/").removesuffix("/")
    if not trimmed:
        if text not in {"", "/"}:
            raise PathInvalid("The path has an empty name in it.")
        return ROOT
    names = trimmed.split("/")
    if len(names) > DEPTH_MAX:
        raise PathInvalid(f"The path is deeper than {DEPTH_MAX} folders.")
    return tuple(check_name(name) for name in names)


def resolve(text: str, *, clamp: bool = False) -> Path:
    """Return the checked names of a path as POSIX clients write it: relative to the root, `.`, `..` and `//` folded.

    `..` above the root is refused, or with `clamp` stays at the root (SFTP's REALPATH, as POSIX does for `/..`).
    Folding is lexical and safe, since there are no symbolic links here.
    """
    if len(text.encode("utf-8", "surrogatepass")) > PATH_BYTES_MAX:
        raise PathInvalid(f"The path is longer than {PATH_BYTES_MAX} bytes.")
    names: list[str] = []
    for name in text.split("/"):
        if name in {"", "."}:
            continue
        if name == "..":
            if names:
                names.pop()
            elif not clamp:
                raise PathInvalid("The path leads above the root.")
            continue
        names.append(check_name(name))
    if len(names) > DEPTH_MAX:
        raise PathInvalid(f"The path is deeper than {DEPTH_MAX} folders.")
    return tuple(names)


def show(path: Path) -> str:
    """Return the text of a parsed path, beginning with `/`."""
    return "/" + "/".join(path)
