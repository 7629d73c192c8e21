"""What can be wrong with an age file or key, each with its sentence."""

from __future__ import annotations

from sealane.errors import Integrity, Invalid, Refused, Unsupported


class HeaderInvalid(Invalid):
    """The header is not a canonical age v1 header, or a stanza addressed to the identity is malformed."""

    code = "age-header-invalid"
    default = "This is not a valid age file: its header is damaged or was altered."


class VersionUnsupported(Unsupported):
    """An age file of another version."""

    code = "age-version-unsupported"
    default = "This age file is of a version that is not supported; only age v1 is."


class HeaderCut(HeaderInvalid):
    """The header ends before its last line."""

    code = "age-header-cut"
    default = "This age file ends within its header."


class ArmorInvalid(HeaderInvalid):
    """The ASCII armour is not strict PEM (RFC 7468)."""

    code = "age-armor-invalid"
    default = "The text form of this age file is damaged."


class NoIdentityMatches(Refused):
    """None of the identities opens the file."""

    code = "age-no-identity-matches"
    default = "None of your keys opens this file. Ask the sender to seal it to your key."


class HeaderForged(Integrity):
    """The header's MAC is wrong: it was altered after it was written."""

    code = "age-header-forged"
    default = "The header of this age file was altered."


class PayloadDamaged(Integrity):
    """A chunk was altered, cut, moved or repeated."""

    code = "age-payload-damaged"
    default = "This age file is damaged or cut short. What was opened of it must not be used as whole."


class KeyInvalid(Invalid):
    """A recipient or identity cannot be read."""

    code = "age-key-invalid"
    default = "This is not a valid age recipient or identity."


class RecipientsMixed(Invalid):
    """Post-quantum and classic recipients in one file: the classic one would undo the other's protection."""

    code = "age-recipients-mixed"
    default = (
        "A file is sealed to post-quantum keys only or to classic keys only. "
        "Give every recipient an age1pq… key, or seal it twice."
    )
