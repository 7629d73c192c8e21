"""An organization with one user who may do everything in one folder, made through the administrator's operations."""

from sealane.operations.accounts import AddFolder, AddOrganization, AddToken, AddUser, GrantFolder
from sealane.operations.signing import SignInWithToken

PASSWORD = "correct horse battery staple"


def people(home) -> None:
    """Make `anna@clinic` with all rights on `clinic:/in`."""
    for operation in (
        AddOrganization(name="clinic"),
        AddUser(user="anna@clinic", password=PASSWORD),
        AddFolder(folder="clinic:/in"),
        GrantFolder(folder="clinic:/in", grantee="anna@clinic", rights=("list", "read", "write", "delete")),
    ):
        home.admin(operation)
    home.token = home.admin(AddToken(user="anna@clinic", scopes=("read", "write", "admin"), expires=None)).token


def sign_in(door):
    """Open a session of anna."""
    return door.ask_now(SignInWithToken(token=door._home.token, address="127.0.0.1", door="http"))
