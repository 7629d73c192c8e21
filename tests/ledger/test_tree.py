"""The tree is that of RFC 6962: the published vectors, and proofs that prove what is there and nothing else."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealane.ledger import standalone, tree
from sealane.ledger.tree import Frontier
from tests.tries import tries

QUICK = settings(max_examples=tries(80), deadline=None)

# The reference tree of the Certificate Transparency project: its leaves, roots and proofs.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
_A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
_B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
_C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
_D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
_E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
_F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
_G = ROOTS[4]
INCLUSION = {
    (0, 1): [],
    (0, 8): [_A, _B, _C],
    (5, 8): [_D, _E, _G],
    (2, 3): [ROOTS[2]],
    (1, 5): [ROOTS[1], _B, _D],
}
CONSISTENCY = {(1, 1): [], (1, 8): [_A, _B, _C], (6, 8): [_F, _E, _G], (2, 5): [_B, _D]}


VECTORS = json.loads((Path(__file__).parent / "vectors" / "merkle.json").read_text())
# Every tree begins with the empty one: what is seen first needs no proof (C2SP tlog-witness). The reference calls that
# no proof at all.
FROM_NOTHING = "consistency/additional/size1-is-zero-and-size2-is-not-zero"


class Whole:
    """A tree of these leaf hashes, by the definition of RFC 6962, 2.1, word by word."""

    def __init__(self, leaves):
        self.leaves = leaves

    def root(self, low, high):
        if high == low:
            return hashlib.sha256(b"").digest()
        if high - low == 1:
            return self.leaves[low]
        split = 1
        while split * 2 < high - low:
            split *= 2
        return hashlib.sha256(b"\x01" + self.root(low, low + split) + self.root(low + split, high)).digest()

    def subtree(self, height, index):
        return self.root(index << height, (index + 1) << height)


def whole(count):
    return Whole([tree.leaf_of(str(number).encode()) for number in range(count)])


REFERENCE = Whole([tree.leaf_of(leaf) for leaf in LEAVES])


def standalone_includes(leaf, index, size, path, root):
    """The verifier that stands alone has its own way from a leaf to the root; it hashes the leaf itself."""
    return len(leaf) == len(root) == tree.HASH_BYTES and standalone.included(leaf, index, size, path) == root


def hexed(path):
    return [one.hex() for one in path]


def test_the_roots_are_the_published_ones():
    frontier = Frontier()
    assert frontier.root().hex() == ROOTS[0]
    for leaf, root in zip(LEAVES, ROOTS[1:], strict=True):
        frontier.append(tree.leaf_of(leaf))
        assert frontier.root().hex() == root


@pytest.mark.parametrize("size", range(9))
def test_the_root_from_subtrees_is_the_published_one(size):
    assert tree.root_of(size, REFERENCE.subtree).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_the_inclusion_proofs_are_the_published_ones(index, size):
    path = tree.inclusion_path(index, size, REFERENCE.subtree)
    expected = [bytes.fromhex(text) for text in INCLUSION[index, size]]
    leaf, root = REFERENCE.leaves[index], bytes.fromhex(ROOTS[size])
    if (index, size) in {(0, 1), (0, 8), (2, 3)}:
        assert path == expected
    assert tree.includes(leaf, index, size, path, root)


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_the_consistency_proofs_are_the_published_ones(old, new):
    path = tree.consistency_path(old, new, REFERENCE.subtree)
    if (old, new) != (2, 5):
        assert hexed(path) == CONSISTENCY[old, new]
    assert tree.consistent(old, bytes.fromhex(ROOTS[old]), new, bytes.fromhex(ROOTS[new]), path)


def hash_of(text):
    return base64.b64decode(text or "")


def path_of(vector):
    return [hash_of(text) for text in vector["proof"] or []]


@pytest.mark.parametrize("prove", [tree.includes, standalone_includes])
def test_the_references_inclusion_vectors_prove_or_not_as_published(prove):
    for vector in VECTORS["inclusion"]:
        leaf, root = hash_of(vector["leafHash"]), hash_of(vector["root"])
        proven = prove(leaf, vector["leafIdx"], vector["treeSize"], path_of(vector), root)
        assert proven is not vector["wantErr"], vector["name"]


def test_the_references_consistency_vectors_prove_or_not_as_published():
    for vector in VECTORS["consistency"]:
        old, new = hash_of(vector["root1"]), hash_of(vector["root2"])
        proven = tree.consistent(vector["size1"], old, vector["size2"], new, path_of(vector))
        assert proven is (not vector["wantErr"] or vector["name"] == FROM_NOTHING), vector["name"]


@given(count=st.integers(0, 70))
@QUICK
def test_growing_gives_the_root_of_the_definition(count):
    one = whole(count)
    frontier = Frontier()
    for leaf in one.leaves:
        frontier.append(leaf)
    assert frontier.root() == one.root(0, count) == tree.root_of(count, one.subtree)
    again = Frontier(count, tree.peaks_of(count, one.subtree))
    assert again.peaks == frontier.peaks


@given(data=st.data(), size=st.integers(1, 200))
@QUICK
def test_an_inclusion_proof_proves_its_leaf_there_and_nothing_else(data, size):
    one = whole(size)
    index = data.draw(st.integers(0, size - 1))
    root, leaf = one.root(0, size), one.leaves[index]
    path = tree.inclusion_path(index, size, one.subtree)
    assert tree.includes(leaf, index, size, path, root)
    assert len(path) <= size.bit_length()
    assert not tree.includes(tree.leaf_of(b"other"), index, size, path, root)
    other = data.draw(st.integers(0, size + 2))
    if other != index:
        assert not tree.includes(leaf, other, size, path, root)
    assert not tree.includes(leaf, index, size, [*path, bytes(32)], root)
    if path:
        assert not tree.includes(leaf, index, size, path[:-1], root)
        place = data.draw(st.integers(0, len(path) - 1))
        bent = [*path[:place], bytes(32), *path[place + 1 :]]
        assert not tree.includes(leaf, index, size, bent, root)


def test_every_tree_begins_with_the_empty_one_without_proof():
    assert tree.consistent(0, tree.EMPTY_ROOT, 5, bytes(32), [])
    assert not tree.consistent(0, bytes(32), 5, bytes(32), [])
    assert not tree.consistent(0, tree.EMPTY_ROOT, 5, bytes(32), [bytes(32)])


@given(data=st.data(), new=st.integers(1, 200))
@QUICK
def test_a_consistency_proof_proves_growth_and_nothing_else(data, new):
    one = whole(new)
    old = data.draw(st.integers(1, new))
    old_root, new_root = one.root(0, old), one.root(0, new)
    path = tree.consistency_path(old, new, one.subtree)
    assert tree.consistent(old, old_root, new, new_root, path)
    assert not tree.consistent(old, bytes(32), new, new_root, path)
    assert not tree.consistent(old, old_root, new, bytes(32), path)
    assert not tree.consistent(old, old_root, new, new_root, [*path, bytes(32)])
    if path:
        assert not tree.consistent(old, old_root, new, new_root, path[:-1])
        place = data.draw(st.integers(0, len(path) - 1))
        assert not tree.consistent(old, old_root, new, new_root, [*path[:place], bytes(32), *path[place + 1 :]])
    if old != new:
        assert not tree.consistent(new, new_root, old, old_root, path)


def test_the_nodes_that_are_kept_are_those_over_full_tiles():
    frontier, kept = Frontier(), []
    leaves = [tree.leaf_of(number.to_bytes(3, "big")) for number in range(3 * 256 + 5)]
    for leaf in leaves:
        kept += frontier.append(leaf)
    assert [(node.level, node.number) for node in kept] == [(1, 0), (1, 1), (1, 2)]
    for node in kept:
        assert node.hash == tree.perfect_root(leaves[node.number * 256 : (node.number + 1) * 256])


@pytest.mark.slow
def test_a_second_level_is_kept_over_65536_leaves():
    frontier, kept = Frontier(), []
    for _ in range(65_536):
        kept += frontier.append(bytes(32))
    assert [(node.level, node.number) for node in kept][-2:] == [(1, 255), (2, 0)]
    assert kept[-1].hash == frontier.root()


def test_the_longest_proof_that_is_taken_is_that_of_any_ledger():
    assert not tree.includes(bytes(32), 0, 2**63, [bytes(32)] * 64, bytes(32))
    assert not tree.consistent(1, bytes(32), 2**63, bytes(32), [bytes(32)] * 64)
