from hypothesis import given
from hypothesis import strategies as st

from sealane.client.transfers import unfinished_names

BASES = st.text(alphabet="ab\u00e9", min_size=1, max_size=2)
NAMES = st.lists(
    st.builds("{}{}".format, BASES, st.sampled_from(["", ".part", ".part.part", ".1.part", ".2.part"])),
    unique=True,
    max_size=12,
)


@given(NAMES)
def test_no_two_files_of_a_folder_share_a_name_while_they_grow(names):
    chosen = unfinished_names(names)
    assert len(set(chosen.values())) == len(names)
    assert not set(chosen.values()) & set(names)


def test_a_file_grows_under_its_own_name_and_part():
    assert unfinished_names(["a.csv"]) == {"a.csv": "a.csv.part"}


def test_a_remote_file_named_part_does_not_meet_the_one_that_grows():
    chosen = unfinished_names(["a", "a.part", "a.part.part", "a.1.part"])
    assert chosen["a"] == "a.2.part"
    assert chosen["a.part"] not in {"a", "a.part", "a.part.part", "a.1.part", "a.2.part"}


@given(st.integers(245, 255), st.sampled_from(["x", "\u00e9", "\U0001f600"]))
def test_the_longest_names_grow_too(length, letter):
    name = (letter * length).encode()[:length].decode(errors="ignore")
    assert len(unfinished_names([name])[name].encode()) <= 255
