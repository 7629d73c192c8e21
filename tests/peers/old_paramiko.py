"""paramiko 2.12 in an environment of its own: a client of 2022, before AES-GCM, as partners still run it."""

import subprocess
import sys
from pathlib import Path

from tests.peers import missing

VERSION = "2.12.0"
_HOME = Path(__file__).parent.parent.parent / "build" / f"paramiko-{VERSION}"


def python_with_old_paramiko() -> str:
    """Return a Python that has it; made once by pip and kept under `build/`."""
    python = _HOME / "bin" / "python"
    ready = _HOME / "ready"
    if not ready.exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", _HOME], check=True, capture_output=True)
            subprocess.run(
                [python, "-m", "pip", "install", "--quiet", f"paramiko=={VERSION}", "cryptography<43"],
                check=True,
                capture_output=True,
                timeout=300,
            )
        except (subprocess.SubprocessError, OSError) as error:
            missing(f"paramiko {VERSION} could not be installed: {error}")
        ready.touch()
    return str(python)
