"""What a client is offered follows from its version line, and nothing old is offered by itself."""

import pytest
from asyncssh.encryption import get_encryption_algs
from asyncssh.mac import get_mac_algs
from hypothesis import given
from hypothesis import strategies as st

from sealane.doors.sftp import algorithms
from sealane.settings import SettingInvalid, Settings

PLAIN_SETTINGS = Settings()


@pytest.mark.parametrize(
    "version",
    [
        b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3",
        b"SSH-2.0-paramiko_3.5.0",
        b"SSH-2.0-paramiko_5.1.0",
        b"SSH-2.0-libssh2_1.11.0",
        b"SSH-2.0-PuTTY_Release_0.78",
        b"SSH-2.0-rclone/v1.60.1-DEV",
        b"SSH-2.0-WinSCP_release_6.3",
        b"SSH-2.0-",
        b"",
    ],
)
def test_clients_are_offered_gcm_and_nothing_else(version):
    offered = algorithms.offer(version, PLAIN_SETTINGS)
    assert offered.ciphers == (b"aes256-gcm@openssh.com", b"aes128-gcm@openssh.com")
    assert offered.macs == algorithms.ETM


@pytest.mark.parametrize(
    ("version", "macs"),
    [
        (b"SSH-2.0-paramiko_2.12.0", algorithms.ETM),
        (b"SSH-2.0-paramiko_3.4.1", algorithms.ETM),
        (b"SSH-2.0-libssh2_1.10.0", algorithms.PLAIN),
        (b"SSH-2.0-libssh2_1.9.0", algorithms.PLAIN),
        (b"SSH-2.0-PuTTY_Release_0.76", algorithms.ETM),
    ],
)
def test_a_client_that_says_it_knows_no_gcm_is_offered_ctr(version, macs):
    offered = algorithms.offer(version, PLAIN_SETTINGS)
    assert offered.ciphers == algorithms.CTR
    assert offered.macs == macs


@given(st.binary(max_size=255))
def test_no_version_line_gets_anything_but_aes(version):
    offered = algorithms.offer(version, PLAIN_SETTINGS)
    assert offered.ciphers in (algorithms.GCM, algorithms.CTR)
    assert not any(b"sha1" in mac or b"md5" in mac for mac in offered.macs)


def test_what_is_older_is_offered_where_the_administrator_names_it():
    settings = Settings(sftp_ciphers_older="chacha20-poly1305@openssh.com, aes128-cbc", sftp_macs_older="hmac-sha1")
    offered = algorithms.offer(b"SSH-2.0-OpenSSH_9.2p1", settings)
    assert offered.ciphers[-2:] == (b"chacha20-poly1305@openssh.com", b"aes128-cbc")
    assert offered.macs[-1] == b"hmac-sha1"


def test_a_misspelt_algorithm_is_refused_at_start():
    known = {"ciphers": frozenset(get_encryption_algs()), "macs": frozenset(get_mac_algs())}
    algorithms.check(Settings(sftp_ciphers_older="aes128-cbc"), **known)
    with pytest.raises(SettingInvalid, match="aes128-cbcc"):
        algorithms.check(Settings(sftp_ciphers_older="aes128-cbcc"), **known)
    with pytest.raises(SettingInvalid, match="hmac-sha0"):
        algorithms.check(Settings(sftp_macs_older="hmac-sha0"), **known)


def test_every_algorithm_that_is_offered_exists():
    assert set(algorithms.GCM + algorithms.CTR) <= set(get_encryption_algs())
    assert set(algorithms.ETM + algorithms.PLAIN) <= set(get_mac_algs())
