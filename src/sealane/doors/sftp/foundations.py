"""The asyncssh that the SFTP door stands on: its version, and the private names that are used, checked at start.

asyncssh does not offer to await a signature, to choose algorithms by the client's version, or to bound what a stranger
may make it hold. The few places where we go below its public face are listed here, so that another version of it is
noticed at start, with a sentence, and not in the middle of a transfer.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Final

import asyncssh
import asyncssh.auth
import asyncssh.channel
import asyncssh.connection
import asyncssh.crypto.cipher
import asyncssh.encryption
import asyncssh.kex_dh
import asyncssh.packet
import asyncssh.public_key

from sealane.errors import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VERSION: Final = "2.24."

_METHODS: Final[dict[type, tuple[str, ...]]] = {
    asyncssh.connection.SSHServerConnection: (
        "_cleanup",
        "_cancel_login_timer",
        "_finish_userauth",
        "_force_close",
        "_process_kexinit",
        "_recv_data",
        "_send_deferred_packets",
        "_send_disconnect",
        "_send_kexinit",
        "_update_recv_pktlen",
        "choose_server_host_key",
        "internal_error",
        "reload_config",
        "send_newkeys",
        "send_userauth_failure",
        "send_userauth_success",
        "validate_public_key",
    ),
    asyncssh.kex_dh._KexECDH: ("_compute_hash", "_compute_server_shared", "_parse_client_key", "_send_reply"),  # noqa: SLF001  # named to be checked
    asyncssh.kex_dh._KexHybridECDH: ("_compute_hash", "_compute_server_shared", "_parse_client_key", "_send_reply"),  # noqa: SLF001  # named to be checked
    asyncssh.auth._ServerPasswordAuth: ("_start", "send_failure", "send_success"),  # noqa: SLF001  # named to be checked
    asyncssh.channel.SSHServerChannel: (
        "_process_auth_agent_req_at_openssh_dot_com_request",
        "_process_break_request",
        "_process_env_request",
        "_process_pty_req_request",
        "_process_signal_request",
        "_process_window_change_request",
        "_process_x11_req_request",
    ),
}
_ATTRIBUTES: Final = {
    asyncssh.connection.SSHConnection.__init__: (
        "_auth",
        "_auth_complete",
        "_client_version",
        "_enc_algs",
        "_inpbuf",
        "_kex",
        "_kex_complete",
        "_mac_algs",
        "_peer_addr",
        "_session_id",
        "_transport",
    ),
    asyncssh.connection.SSHServerConnection.__init__: ("_server_host_key", "_server_host_keys"),
}


_EXPRESS_ATTRIBUTES: Final = {
    asyncssh.connection.SSHConnection.__init__: (
        "_channels",
        "_kexinit_sent",
        "_max_recv_pktlen",
        "_next_recv_encryption",
        "_packet",
        "_pktlen",
        "_recv_blocksize",
        "_recv_encryption",
        "_recv_handler",
        "_recv_seq",
        "_rekey_bytes",
        "_rekey_bytes_sent",
        "_send_encryption",
        "_send_seq",
    ),
    asyncssh.channel.SSHChannel.__init__: (
        "_init_recv_window",
        "_recv_buf",
        "_recv_chan",
        "_recv_state",
        "_recv_window",
        "_send_buf",
        "_send_buf_len",
        "_send_chan",
        "_send_pktsize",
        "_send_state",
        "_send_window",
        "_session",
    ),
    asyncssh.encryption.GCMEncryption.__init__: ("_cipher",),
    asyncssh.crypto.cipher.GCMCipher.__init__: ("_iv", "_key"),
}
_EXPRESS_METHODS: Final[dict[type, tuple[str, ...]]] = {
    asyncssh.connection.SSHServerConnection: ("_recv_packet", "_recv_pkthdr", "data_received", "send_newkeys"),
    asyncssh.channel.SSHServerChannel: ("_flush_send_buf", "send_packet"),
    asyncssh.encryption.Encryption: ("decrypt_header", "decrypt_packet", "encrypt_packet"),
}


def lacks_for_express() -> list[str]:
    """Return the names that the express path rests on and this asyncssh has not. Without them it is not taken."""
    return _missing(_EXPRESS_METHODS, _EXPRESS_ATTRIBUTES)


def check() -> None:
    """Raise `Unsupported` if this is not the asyncssh that the door was written for."""
    found = asyncssh.__version__
    missing = _missing(_METHODS, _ATTRIBUTES)
    if asyncssh.connection.MSG_KEXINIT not in asyncssh.connection.SSHServerConnection._packet_handlers:  # noqa: SLF001  # named to be checked
        missing.append("SSHServerConnection._packet_handlers[MSG_KEXINIT]")
    if not found.startswith(VERSION) or missing:
        lacks = f" It lacks {', '.join(missing)}." if missing else ""
        raise Unsupported(f"The SFTP door needs asyncssh {VERSION}x and found {found}.{lacks}")


def _missing(
    methods: Mapping[type, tuple[str, ...]], attributes: Mapping[Callable[..., None], tuple[str, ...]]
) -> list[str]:
    missing = [
        f"{cls.__name__}.{name}" for cls, names in methods.items() for name in names if not callable(vars_of(cls, name))
    ]
    for function, names in attributes.items():
        source = inspect.getsource(function)
        missing += [f"{function.__qualname__}: {name}" for name in names if not re.search(rf"self\.{name}\b", source)]
    return missing


def vars_of(cls: type, name: str) -> object:
    """Return what `cls` or one of its bases has under `name`, or None."""
    return inspect.getattr_static(cls, name, None)
