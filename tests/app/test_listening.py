import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealane.app import listening
from sealane.app.listening import AddressInvalid, AddressTaken


@pytest.mark.parametrize(
    ("address", "parsed"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("files.example:443", ("files.example", 443)),
        ("[::1]:22", ("::1", 22)),
        (":22", ("", 22)),
        ("*:22", ("", 22)),
        ("[::]:0", ("::", 0)),
    ],
)
def test_an_address_is_host_and_port(address, parsed):
    assert listening.parsed(address) == parsed


@pytest.mark.parametrize(
    "address", ["", "8080", "host", "host:", "host:x", "host:65536", "host:-1", "::1:22", "host:²", "host:8 0"]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(AddressInvalid):
        listening.parsed(address)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(address):
    try:
        host, port = listening.parsed(address)
    except AddressInvalid:
        return
    assert 0 <= port <= 65535
    assert "]:" not in host


def test_a_taken_port_is_told_and_leaves_nothing_bound():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(AddressTaken, match=str(port)):
            listening.bound(f"127.0.0.1:{port}")


def test_every_address_is_bound_on_both_families_with_one_port():
    listeners = listening.bound("*:0")
    try:
        ports = {listener.getsockname()[1] for listener in listeners}
        families = {listener.family for listener in listeners}
        assert len(ports) == 1
        assert socket.AF_INET in families
        assert families == {socket.AF_INET, socket.AF_INET6} or not socket.has_dualstack_ipv6()
        assert not any(listening.is_loopback(listener) for listener in listeners)
        for listener in listeners:
            host = "127.0.0.1" if listener.family == socket.AF_INET else "::1"
            socket.create_connection((host, next(iter(ports)))).close()
    finally:
        for listener in listeners:
            listener.close()


def test_an_ipv6_address_is_shown_so_that_it_can_be_typed():
    (listener,) = listening.bound("127.0.0.1:0")
    with listener:
        assert listening.shown(listener) == f"127.0.0.1:{listener.getsockname()[1]}"
        assert listening.is_loopback(listener)
    if socket.has_dualstack_ipv6():
        (listener,) = listening.bound("[::1]:0")
        with listener:
            assert listening.shown(listener) == f"[::1]:{listener.getsockname()[1]}"
            assert listening.is_loopback(listener)
