"""The house's own rules, checked: size of files and functions, signs on doors, names, marks left behind."""

import ast
import functools
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src" / "sealane").rglob("*.py"))
EVERYTHING = sorted(
    path
    for folder in ("src", "tests", "scripts", "bench")
    if (ROOT / folder).is_dir()
    for path in (ROOT / folder).rglob("*.py")
)
FILE_LINES_MAX = 450
WHOLE_PROGRAMS = {"src/sealane/ledger/standalone.py": 520}
"""Programs that outsiders copy as one file, which therefore are not cut."""
FUNCTION_LINES_MAX = 70
BANNED_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "manager", "managers"}
MARKS = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "NotImplemented" + "Error")) + r")\b")


def name_of(path):
    return str(path.relative_to(ROOT))


def is_generated(path):
    return "migrations/versions" in str(path)


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text())


def functions_in(node):
    """Yield the functions of a module, those within classes and functions too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield from functions_in(child)


def test_every_module_has_a_sign_on_its_door_and_is_read_in_one_sitting():
    for path in SOURCES:
        text = path.read_text()
        assert text.startswith(('"""', 'r"""')), f"{name_of(path)} has no module docstring"
        most = WHOLE_PROGRAMS.get(name_of(path), FILE_LINES_MAX)
        assert text.count("\n") <= most or is_generated(path), f"{name_of(path)} is longer than {most} lines"


@pytest.mark.slow  # parses every module
def test_every_function_is_read_on_one_screen():
    for path in SOURCES:
        for node in () if is_generated(path) else functions_in(tree_of(path)):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{name_of(path)}: {node.name} has {length} lines"


def test_functions_are_found_wherever_they_stand():
    text = "class A:\n if B:\n  def c(d):\n   for e in f:\n    async def g(): h\ntry: i\nexcept J:\n def k(): l\n"
    text += "match m:\n case 1:\n  def n(): o\n"
    tree = ast.parse(text)
    every = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert {node.name for node in functions_in(tree)} == {node.name for node in every} == {"c", "g", "k", "n"}


def test_names_say_something_and_nothing_is_left_for_later():
    for path in EVERYTHING:
        assert path.stem not in BANNED_NAMES, name_of(path)
        assert not MARKS.search(path.read_text()), f"{name_of(path)} has a mark left for later"


def imported_by(path):
    """The modules of ours that a module imports when it is imported; not what only the type checker reads."""
    at_once, later = list(tree_of(path).body), []
    while at_once:
        node = at_once.pop()
        if isinstance(node, ast.If):
            at_once += node.orelse if "TYPE_CHECKING" in ast.unparse(node.test) else node.body + node.orelse
        elif isinstance(node, ast.Try):
            at_once += node.body + node.orelse + node.finalbody + [line for one in node.handlers for line in one.body]
        elif isinstance(node, ast.Import):
            later += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            later += [f"{node.module}.{name.name}" for name in node.names]
    for name in later:
        found = next((one for one in (name, name.rpartition(".")[0]) if one in MODULES), None)
        if found is not None:
            yield found


def module_of(path):
    return ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in SOURCES}


@pytest.mark.slow  # parses every module
def test_no_module_imports_itself_by_way_of_others():
    left = {module: set(imported_by(path)) for module, path in MODULES.items()}
    while leaves := {module for module, imported in left.items() if not imported & left.keys()}:
        left = {module: imported for module, imported in left.items() if module not in leaves}
    assert not left, f"these import each other in a circle: {sorted(left)}"


def test_nothing_stored_is_ever_evaluated():
    banned = re.compile(r"\b(eval|exec|pickle|marshal|shelve|yaml\.load|os\.system)\b\(?|shell=True")
    words = re.compile(r"\b(eval|exec|pickle|marshal|shelve|yaml|system|shell)\b")
    for path in SOURCES:
        for node in ast.walk(tree_of(path)) if words.search(path.read_text()) else ():
            if isinstance(node, ast.Call):
                assert not banned.fullmatch(ast.unparse(node.func)), f"{name_of(path)}:{node.lineno}"
                assert not any(k.arg == "shell" for k in node.keywords), f"{name_of(path)}:{node.lineno}"


def test_locks_carry_hashes_and_no_addresses():
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text
        assert "--index-url" not in text
        for line in text.splitlines():
            if "==" in line:
                assert line.rstrip().endswith("\\"), f"{lock.name}: {line} has no hash"


def test_the_repository_names_no_secret_and_no_machine():
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout
    names = [Path(ROOT, name) for name in tracked.decode().split("\0") if name]
    private_key = re.compile(rb"-----BEGIN (OPENSSH |RSA |EC )?PRIVATE KEY-----\n[A-Za-z0-9+/]{40}")
    home = re.compile(rb"(?<![\w.])/(work|home/[a-z]+|root)/[a-z]")
    for path in names:
        if path.is_file():
            content = path.read_bytes()
            assert not private_key.search(content), path
            assert not home.search(content), path
