"""The one file for outsiders: agrees with the server's own verifier, needs nothing of ours, finds every attack."""

import ast
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from sealane.cli import audit_export
from sealane.ledger import proofs, standalone, tree
from sealane.ledger.notes import COSIGNED, VerifierKey, public_of
from sealane.operations.audit import (
    CheckpointIs,
    CheckpointsAre,
    EntriesAre,
    ReadCheckpoints,
    ReadLedger,
    ReadTimeStamps,
    TimeStampsAre,
)
from tests.ledger.book import Book, signed_book

pytestmark = pytest.mark.slow  # together they take longer than make check may


def asked(book):
    """Ask a book as a keeper is asked."""

    def ask(operation, wanted):
        if isinstance(operation, ReadLedger):
            return EntriesAre(entries=tuple(book.entries), after=0)
        if isinstance(operation, ReadCheckpoints):
            return CheckpointsAre(notes=tuple(book.notes.values()), sizes=tuple(book.notes), after=0)
        if isinstance(operation, ReadTimeStamps):
            return TimeStampsAre(sizes=(), responses=(), after=0)
        return CheckpointIs(size=max(book.notes), note=book.notes[max(book.notes)], key=book.key.text())

    return ask


@pytest.fixture
def book():
    return signed_book()


def exported(book, folder):
    book.notes = dict(sorted(book.notes.items()))
    audit_export.exported(asked(book), folder, show=False)
    return folder


def run(capsys, *words):
    code = standalone.main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_an_export_says_that_it_is_whole_only_once_all_else_of_it_lasts(book, tmp_path, monkeypatch):
    there = []
    monkeypatch.setattr(os, "sync", lambda: there.append({path.name for path in tmp_path.iterdir()}))
    exported(book, tmp_path)
    (names,) = there
    assert {path.name for path in tmp_path.iterdir()} - names == {"checkpoint"}


def test_it_imports_nothing_but_python_and_cryptography():
    source = Path(standalone.__file__).read_text()
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.partition(".")[0])
    assert found - set(sys.stdlib_module_names) == {"cryptography"}


def test_it_runs_as_a_file_of_its_own(book, tmp_path):
    alone = tmp_path / "verify.py"
    alone.write_text(Path(standalone.__file__).read_text())
    folder = exported(book, tmp_path / "out")
    done = subprocess.run(
        [sys.executable, "-I", alone, "export", folder], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "is whole: 18 entries" in done.stdout


@pytest.mark.parametrize("count", [1, 250, 256, 257, 700])
def test_a_whole_export_of_any_size_is_proven(tmp_path, capsys, count):
    book = Book().appoint("first").fill(count - 1).sign()
    code, said = run(capsys, "--key", book.key.text(), "export", exported(book, tmp_path / "out"))
    assert code == 0, said
    assert f"{count} entries" in said


def test_it_says_who_speaks_for_it(book, tmp_path, capsys):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    secret = Ed25519PrivateKey.generate()
    book.cosign("w1", secret, 12)
    folder = exported(book, tmp_path / "out")
    (tmp_path / "kept").write_text(book.notes[8])
    witness = VerifierKey("w1", public_of(secret), COSIGNED).text()
    code, said = run(capsys, "--witness", witness, "export", folder, "--checkpoint", tmp_path / "kept")
    assert code == 0
    assert "Covered up to 12 by the witness w1" in said
    assert "1 saved checkpoint(s) lie on it" in said
    assert "Its key came with it" in said
    assert "After a crash" in said
    assert "speaks for what comes after entry 12" in said


def test_another_key_is_refused(book, tmp_path, capsys):
    folder = exported(book, tmp_path / "out")
    code, said = run(capsys, "--key", Book().key.text(), "export", folder)
    assert code == 5
    assert "another key" in said


def bend(path, place=-1):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tile/entries/000.p/18", "Entry"),
        ("tile/0/000.p/18", "Entry 18"),
        ("key", "NOT PROVEN"),
        ("checkpoint", "NOT PROVEN"),
        ("checkpoints.jsonl", "NOT PROVEN"),
        ("ledger.jsonl", "NOT PROVEN"),
    ],
)
def test_any_bent_file_of_an_export_is_named(book, tmp_path, capsys, name, said):
    folder = exported(book, tmp_path / "out")
    bend(folder / name, -2 if name == "key" else -5)
    code, told = run(capsys, "export", folder)
    assert code == 5, told
    assert said in told


def test_a_bent_tile_above_the_entries_is_named(tmp_path, capsys):
    """Nobody who only reads entries needs it; whoever checks a proof by tiles does."""
    folder = exported(Book().appoint("first").fill(700).sign(), tmp_path / "out")
    bend(folder / "tile/1/000.p/2")
    code, told = run(capsys, "export", folder)
    assert (code, "1/000.p/2" in told) == (5, True), told


def test_a_name_that_was_exchanged_is_named(book, tmp_path, capsys):
    folder = exported(book, tmp_path / "out")
    lines = (folder / "ledger.jsonl").read_text().splitlines()
    line = json.loads(lines[2])
    line["names"]["user_name"] = "somebody@else"
    (folder / "ledger.jsonl").write_text("\n".join([*lines[:2], json.dumps(line), *lines[3:]]) + "\n")
    assert "beside entry 3" in run(capsys, "export", folder)[1]


@pytest.mark.parametrize(("taken", "said"), [(3, "between entries 2 and 299"), (590, "Entries are gone from 513 on")])
def test_an_entry_that_was_taken_out_is_named_though_all_below_it_was_made_anew(tmp_path, capsys, taken, said):
    book = Book().appoint("first").fill(298).sign().fill(300).sign()
    del book.entries[taken - 1]
    book.entries = [msgspec.structs.replace(entry, seq=seq) for seq, entry in enumerate(book.entries, 1)]
    code, told = run(capsys, "export", exported(book, tmp_path / "out"))
    assert (code, said in told) == (5, True), told


@pytest.mark.parametrize("name", ["tile/entries/001", "tile/0/001", "tile/1/000.p/2"])
def test_a_file_of_the_tree_that_is_gone_is_named_and_is_damage(tmp_path, capsys, name):
    folder = exported(Book().appoint("first").fill(700).sign(), tmp_path / "out")
    (folder / name).unlink()
    code, said = run(capsys, "export", folder)
    assert (code, f"{name} is not there" in said) == (5, True), said


@pytest.mark.parametrize("line", ["{", "[]", '{"seq": 3}', None])
def test_a_line_that_is_no_entry_is_named(book, tmp_path, capsys, line):
    folder = exported(book, tmp_path / "out")
    lines = (folder / "ledger.jsonl").read_text().splitlines()
    lines[2] = line or json.dumps({name: said for name, said in json.loads(lines[2]).items() if name != "names"})
    (folder / "ledger.jsonl").write_text("\n".join(lines) + "\n")
    code, said = run(capsys, "export", folder)
    assert (code, "ntry 3 " in said) == (5, True), said


def test_the_attacks_that_the_servers_verifier_finds_are_found_here_too(book, tmp_path, capsys):
    from tests.ledger.test_verifier import forged

    stolen = book.copy()
    stolen.entries[2] = forged(stolen.entries[2])
    assert "between entries 2 and 5" in run(capsys, "export", exported(stolen, tmp_path / "edited"))[1]
    gone = book.copy()
    del gone.notes[12]
    assert "entry 12 is gone" in run(capsys, "export", exported(gone, tmp_path / "unsigned"))[1]
    cut = book.copy()
    cut.entries, cut.notes = cut.entries[:15], {size: note for size, note in cut.notes.items() if size < 15}
    (tmp_path / "kept").write_text(book.notes[18])
    folder = exported(cut, tmp_path / "cut")
    assert run(capsys, "export", folder)[0] == 0
    code, said = run(capsys, "export", folder, "--checkpoint", tmp_path / "kept")
    assert code == 5
    assert "gone from the end" in said


def test_what_is_not_there_is_said(tmp_path, capsys):
    assert run(capsys, "export", tmp_path / "nothing")[0] == 1


# --- proofs of one entry ----------------------------------------------------------------------------------------------


def proof_of(book, seq):
    leaves = [entry.leaf for entry in book.entries]

    def subtree(height, index):
        return tree.perfect_root(leaves[index << height : (index + 1) << height])

    size = max(book.notes)
    entry = book.entries[seq - 1]
    return proofs.made(
        seq, entry.body, entry.openings or {}, tree.inclusion_path(seq - 1, size, subtree), book.notes[size]
    )


@pytest.mark.parametrize("seq", range(1, 19))
def test_a_proof_is_proven_by_both(book, tmp_path, capsys, seq):
    proof = proof_of(book, seq)
    assert proof.check(book.key) == ()
    assert proofs.parse(proof.text()) == proof
    (tmp_path / "proof").write_text(proof.text())
    code, said = run(capsys, "--key", book.key.text(), "proof", tmp_path / "proof")
    assert code == 0, said
    assert f"Entry {seq} of the ledger sealane/test is proven" in said
    assert len(proof.text()) < 3000


@pytest.mark.parametrize("change", ["body", "index", "path", "name", "signature", "key"])
def test_a_bent_proof_is_refused_by_both(book, tmp_path, capsys, change):
    from sealane.operations.failures import ProofWrong, SignatureWrong

    proof, key = proof_of(book, 3), book.key
    if change == "body":
        proof = dataclasses.replace(proof, body=proof.body.replace(b"missing", b"allowed"))
    elif change == "index":
        proof = dataclasses.replace(proof, index=3)
    elif change == "path":
        proof = dataclasses.replace(proof, path=(bytes(32), *proof.path[1:]))
    elif change == "name":
        salt, _ = proof.openings["user_name"]
        proof = dataclasses.replace(proof, openings={"user_name": (salt, "other@north")})
    elif change == "signature":
        proof = proof_of(book.copy().fill(1).sign(), 3)
        other = proof_of(book, 3)
        proof = dataclasses.replace(other, note=dataclasses.replace(other.note, text=proof.note.text))
    else:
        key = VerifierKey(key.name, Book().key.public)
    with pytest.raises((ProofWrong, SignatureWrong)):
        proof.check(key)
    (tmp_path / "proof").write_text(proof.text())
    assert run(capsys, "--key", key.text(), "proof", tmp_path / "proof")[0] == 5


@pytest.mark.parametrize(
    "text", ["", "c2sp.org/tlog-proof@v1\n", "nonsense\n\nmore", "c2sp.org/tlog-proof@v1\nextra !\nindex x\n\n"]
)
def test_what_is_no_proof_is_refused_by_both(book, tmp_path, capsys, text):
    from sealane.errors import Invalid

    with pytest.raises(Invalid):
        proofs.parse(text)
    (tmp_path / "proof").write_text(text)
    assert run(capsys, "--key", book.key.text(), "proof", tmp_path / "proof")[0] == 5
