"""Strangers' places are counted right, whatever the order in which they come and go."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sealane.doors.sftp.admission import Admission, address_range
from tests.tries import tries

ADDRESSES = ["192.0.2.1", "192.0.2.200", "198.51.100.7", "2001:db8::1", "2001:db8::ffff", "2001:db8:1::1"]


def test_ranges_are_24_bits_of_ipv4_and_64_of_ipv6():
    assert address_range("192.0.2.77") == "192.0.2.0/24"
    assert address_range("::ffff:192.0.2.77") == "192.0.2.0/24"
    assert address_range("2001:db8:1:2:3::4") == "2001:db8:1:2::/64"
    assert address_range("fe80::1%eth0") == "fe80::/64"
    assert address_range("not an address") == "not an address"


class Places(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.admission = Admission(all_max=5, range_max=2)
        self.inside = []

    @rule(address=st.sampled_from(ADDRESSES))
    def come(self, address):
        same = sum(address_range(other) == address_range(address) for other in self.inside)
        expected = len(self.inside) < 5 and same < 2
        assert self.admission.enter(address) == expected
        if expected:
            self.inside.append(address)

    @rule(data=st.data())
    def go(self, data):
        if self.inside:
            address = data.draw(st.sampled_from(self.inside))
            self.inside.remove(address)
            self.admission.leave(address)

    @invariant()
    def nothing_is_kept_of_those_who_left(self):
        assert len(self.admission._taken) == len({address_range(address) for address in self.inside})


Places.TestCase.settings = settings(max_examples=tries(20), stateful_step_count=20, deadline=None)
TestPlaces = Places.TestCase
