"""A throw-away PostgreSQL server from the system's own package, on a socket in a private folder and on no TCP port."""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql


class PostgresServer:
    """A running server. Databases made on it go with it."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self._programs = programs
        self._numbers = itertools.count(1)

    @classmethod
    @contextmanager
    def started(cls):
        """Start a server and stop it at the end; skip the test (or fail it, where peers are required) without one."""
        programs = find_programs()
        if programs is None:
            missing("PostgreSQL is not installed")
        # Not below pytest's folder: a socket's path is short (107 bytes), and the server may have another user.
        folder = Path(tempfile.mkdtemp(prefix="sealane-pg-", dir=memory_folder()))
        server = cls(folder, programs)
        try:
            server.start()
            yield server
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)

    def start(self) -> None:
        if os.geteuid() == 0:
            account = server_account()
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        self._as_server(
            "initdb", "-D", str(self._data), "-U", "sealane", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"
        )
        self.start_again()

    def start_again(self) -> None:
        options = (
            f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c fsync=off -c max_connections=40"
        )
        self._as_server("pg_ctl", "-D", str(self._data), "-l", str(self.folder / "log"), "-w", "-o", options, "start")

    def stop(self) -> None:
        self._as_server("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "stop", check=False)

    def url(self, name: str) -> str:
        """The URL of a database on this server."""
        return f"postgresql://sealane@/{name}?host={self.folder}"

    def new_database(self, encoding: str = "UTF8", like: str = "template0") -> str:
        """Make a database, empty or like another of this server's, and return its URL."""
        name = f"sealane_{os.getpid()}_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING {}").format(
                    sql.Identifier(name), sql.Identifier(like), sql.Literal(encoding)
                )
            )
        return self.url(name)

    @contextmanager
    def database(self, like: str = "template0"):
        """Make a database, give its URL, drop it at the end with whoever is still connected."""
        url = self.new_database(like=like)
        yield url
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name_in(url))))

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _as_server(self, program: str, *arguments: str, check: bool = True) -> None:
        account = server_account() if os.geteuid() == 0 else None
        result = subprocess.run(
            [str(self._programs / program), *arguments],
            user=account and account.pw_uid,
            group=account and account.pw_gid,
            extra_groups=[] if account else None,
            cwd=self.folder,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT if program == "initdb" else subprocess.DEVNULL,
            check=False,
            timeout=60,
        )
        if check and result.returncode != 0:
            raise RuntimeError(f"{program} failed: {(result.stdout or b'').decode(errors='replace')}")


def name_in(url: str) -> str:
    """The name of the database that a URL of `PostgresServer.url` names."""
    return url.removeprefix("postgresql://sealane@/").partition("?")[0]


def find_programs() -> Path | None:
    """The folder of the newest PostgreSQL server installed, Debian's place first."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: float(place.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        places.append(Path(on_path).parent)
    return next((place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()), None)


def memory_folder() -> str | None:
    """A folder in memory, where there is one: the server's many small files need no disk."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None


def server_account() -> pwd.struct_passwd:
    """Who runs the server when the tests run as root: PostgreSQL refuses to."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return missing("PostgreSQL will not run as root, and there is no account 'postgres' or 'nobody'")


def missing(reason: str):
    """Skip, or fail where peers are required."""
    if os.environ.get("SEALANE_REQUIRE_PEERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
