"""What every event has: its kind, who did it, what is private in it."""

from __future__ import annotations

import enum
from typing import Annotated, ClassVar

import msgspec

from sealane.ledger.limits import check_fields

PRIVATE = "private"
Private = Annotated[str, PRIVATE]
"""Text that is committed to, not shown."""


class Kind(enum.Enum):
    """Every kind of event there is."""

    KEEPER_STARTED = "keeper_started"
    KEEPER_STOPPED = "keeper_stopped"
    CLOCK_SET_BACK = "clock_set_back"
    SIGN_IN = "sign_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    STRANGERS_REFUSED = "strangers_refused"
    SESSION_ENDED = "session_ended"
    REQUEST_REFUSED = "request_refused"
    UPLOAD_BEGUN = "upload_begun"
    UPLOAD_RESUMED = "upload_resumed"
    UPLOAD_FINISHED = "upload_finished"
    UPLOAD_REMOVED = "upload_removed"
    CONTENT_SHARED = "content_shared"
    ARRIVAL_OPENED = "arrival_opened"
    DIGEST_RECORDED = "digest_recorded"
    DAMAGE_FOUND = "damage_found"
    VERSION_EXPIRED = "version_expired"
    DOWNLOAD_BEGUN = "download_begun"
    DOWNLOAD_ENDED = "download_ended"
    FILE_REMOVED = "file_removed"
    FILE_RESTORED = "file_restored"
    FILE_MOVED = "file_moved"
    UPLOAD_MOVED = "upload_moved"
    MODIFIED_SET = "modified_set"
    FOLDER_MADE = "folder_made"
    FOLDER_REMOVED = "folder_removed"
    FOLDER_MOVED = "folder_moved"
    RIGHT_GRANTED = "right_granted"
    RIGHT_REVOKED = "right_revoked"
    QUOTA_SET = "quota_set"
    ORGANIZATION_ADDED = "organization_added"
    USER_ADDED = "user_added"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    ROLE_SET = "role_set"
    PASSWORD_SET = "password_set"  # noqa: S105 - the name of an event
    SSH_KEY_ADDED = "ssh_key_added"
    SSH_KEY_REMOVED = "ssh_key_removed"
    TOKEN_ADDED = "token_added"  # noqa: S105 - the name of an event
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - the name of an event
    RECIPIENT_ADDED = "recipient_added"
    OFFICER_SET = "officer_set"
    GROUP_ADDED = "group_added"
    MEMBERSHIP_SET = "membership_set"
    NODE_KEY_ROTATED = "node_key_rotated"
    ORGANIZATION_KEY_ROTATED = "organization_key_rotated"
    FOLDER_SEALED = "folder_sealed"
    RECOVERY_SET = "recovery_set"
    RECIPIENT_REMOVED = "recipient_removed"
    UPLOAD_CLOSED = "upload_closed"
    SEALING_OPENED = "sealing_opened"
    FILE_SEALED = "file_sealed"
    PAYLOAD_DIGEST_RECORDED = "payload_digest_recorded"
    HEADER_REPLACED = "header_replaced"
    SIGNING_KEY_SET = "signing_key_set"
    READING_SET = "reading_set"
    READING_ASKED = "reading_asked"
    EXPOSURE_RECORDED = "exposure_recorded"
    PEOPLE_LIST_RECEIVED = "people_list_received"
    LIST_HEADER_REPLACED = "list_header_replaced"
    EXPOSURE_FORGOTTEN = "exposure_forgotten"
    LAYOUT_CORRECTED = "layout_corrected"
    SECOND_FACTOR_SET = "second_factor_set"
    PASSWORD_LINK_MADE = "password_link_made"  # noqa: S105 - the name of an event
    NODE_ORGANIZATION_SET = "node_organization_set"
    SHARE_MADE = "share_made"
    SHARE_RECALLED = "share_recalled"
    SHARE_CODE_SENT = "share_code_sent"
    SHARE_ENTERED = "share_entered"
    SHARE_REPLIED = "share_replied"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    MAIL_GIVEN_UP = "mail_given_up"
    SHARE_FORGOTTEN = "share_forgotten"
    SETTING_CHANGED = "setting_changed"
    LEDGER_PROOF_ASKED = "ledger_proof_asked"
    LEDGER_PROVEN = "ledger_proven"


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Who did it, from where and by which door."""

    door: str
    """sftp, http, web, local; or admin, inspector, keeper for what has no session."""
    organization_id: int | None = None
    """The user's own organization."""
    user_id: int | None = None
    session_id: str = ""
    user_name: Private = ""
    """`NAME@ORGANIZATION`."""
    address: Private = ""

    def __post_init__(self) -> None:
        """Raise `Invalid` for what an entry cannot hold."""
        check_fields(self)


OPERATOR = Who(door="admin")
"""Whoever may open the administrator's socket."""
INSPECTOR = Who(door="inspector")
KEEPER = Who(door="keeper")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every event. Making one checks its fields, so that what is made can be written."""

    kind: ClassVar[Kind]
    version: ClassVar[int] = 1
    absent: ClassVar[None] = None
    """What a field is that a class has not."""
    who: Who

    def __post_init__(self) -> None:
        """Raise `Invalid` for a number or text that an entry cannot hold: one act fails then, and not its batch."""
        check_fields(self)
