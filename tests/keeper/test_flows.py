"""What a single act does has no flow: looked up at once, since most of what is asked is of that kind."""

import inspect
import re

from sealane.domain.table import ACTS
from sealane.keeper import flows


def test_only_what_may_hold_another_operation_is_both_an_act_and_a_flow():
    """`Administer` with a new user in it takes several steps; with anything else it is one act."""
    with_flow = set(re.findall(r"^        case (\w+)\(", inspect.getsource(flows), re.MULTILINE))
    assert {"SignInWithPassword", "AddPasskey", "Checkpoint", "Administer"} <= with_flow
    assert with_flow & {kind.__name__ for kind in ACTS} == {"Administer"}
    assert with_flow.isdisjoint(kind.__name__ for kind in flows._SINGLE)
