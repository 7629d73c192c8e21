"""The domain alone, on a real database: acts are done one by one in transactions of their own, events are kept.

office = Office(database, tmp_path)
office.admin(AddOrganization("clinic"))
anna = office.user("anna@clinic")           # a caller with a session
office.ask(anna, Look(path="/inbox"))
"""

import dataclasses
from datetime import UTC, datetime

from sealane.clock import ManualClock
from sealane.database.statements import Statement, parameters
from sealane.database.tables import files, versions
from sealane.domain import accounts as finding
from sealane.domain import named_folders, quotas, sessions
from sealane.domain.holds import Holds
from sealane.domain.queries import files as file_statements
from sealane.domain.queries import folders as folder_statements
from sealane.domain.queries import sign_in as sign_in_statements
from sealane.domain.table import PLAIN_ACTS, SESSION_ACTS
from sealane.domain.tree import Tree
from sealane.domain.views import Views
from sealane.domain.work import Work
from sealane.errors import AlreadyExists
from sealane.ids import random_name
from sealane.keeper import flows
from sealane.operations import accounts
from sealane.operations.accounts import AddFolder, AddOrganization, AddUser, GrantFolder
from sealane.settings import Settings
from sealane.vault.keys import NodeKeys
from tests.domain.remembered import check_tree

START = datetime(2026, 3, 2, 9, 30, 15, tzinfo=UTC)

ADD_FILE = Statement(
    "tests.add_file",
    files.insert().values(**parameters("folder_id", "name", "version_id", "size", "modified")).returning(files.c.id),
)
ADD_VERSION = Statement(
    "tests.add_version",
    versions.insert().values(
        **parameters(
            "id",
            "organization_id",
            "file_id",
            "format",
            "size",
            "digest",
            "extents",
            "authenticator",
            "user_id",
            "made",
            "modified",
        )
    ),
)


class Office:
    def __init__(self, database, folder, **settings) -> None:
        self.database = database
        self.clock = ManualClock(START)
        self.settings = Settings(**{"exposure_read": 0} | settings)
        self.keys = NodeKeys.open(folder / "keys")
        self.holds = Holds()
        self.views = Views()
        self.tree = Tree(1000)
        self.events = []
        self.ended = []

    def set(self, **settings) -> None:
        self.settings = dataclasses.replace(self.settings, **settings)

    def do(self, act):
        """Do `act(work)` as the keeper does: all of it, or nothing and the error."""
        with self.database.begin() as transaction:
            work = Work(
                transaction=transaction,
                now=self.clock.now(),
                settings=self.settings,
                keys=self.keys,
                holds=self.holds,
                connection="door-1",
                views=self.views,
                tree=self.tree,
            )
            try:
                with transaction.savepoint():
                    answer = act(work)
            except Exception:
                self.views.drop()
                self.tree.drop()
                raise
            check_tree(transaction, self.tree)
        self.events += work.events
        self.ended += work.ended
        return answer

    def admin(self, op):
        steps = flows.flow_of(op, host_keys=None)
        if steps is not None:
            return flows.walked(steps, self.do)
        return self.do(lambda work: PLAIN_ACTS[type(op)](work, op))

    def ask(self, caller, op):
        return self.do(lambda work: SESSION_ACTS[type(op)](work, caller, op))

    def caller(self, signed_in):
        """The caller of a session, asked for anew."""
        return self.do(lambda work: sessions.caller_of(work, signed_in.handle))

    def session(self, name, *, scopes=None):
        """Open a session for a user without a credential, as tests of what comes after need it."""
        bare, _, organization = name.partition("@")

        def opened(work):
            account = work.transaction.first(sign_in_statements.BY_FULL_NAME, name=bare, organization=organization)
            return sessions.begin(
                work, account, method=sessions.PASSWORD, credential="", door="sftp", address="192.0.2.7"
            )

        signed_in = self.do(opened)
        caller = self.caller(signed_in)
        return caller if scopes is None else dataclasses.replace(caller, scopes=frozenset(scopes))

    def user(self, name, **fields):
        """Add a user (and their organization, if it is new) and open a session."""
        self.organization(name.partition("@")[2])
        self.admin(AddUser(user=name, **fields))
        return self.session(name)

    def organization(self, name) -> None:
        if name not in {row.values[0] for row in self.rows("ListOrganizations")}:
            self.admin(AddOrganization(name=name))

    def folder(self, place, *grants) -> None:
        """Add a folder and grants, each `user: rights` or `user: rights: alias`."""
        self.admin(AddFolder(folder=place))
        for grant in grants:
            self.grant(place, *grant.split(": "))

    def grant(self, place, grantee, rights, alias="") -> None:
        self.admin(GrantFolder(folder=place, grantee=grantee, rights=tuple(rights.split(",")), shown_as=alias))

    def rows(self, operation, **fields):
        return self.admin(getattr(accounts, operation)(**fields)).rows

    def file(self, place, name, *, size=5, user="anna@clinic") -> None:
        """Put a file there as if it had been published (what publishing does itself is tested with it)."""

        def put(work):
            folder = named_folders.find(work, place)
            owner = finding.find_user(work, user)
            for taken in (
                work.transaction.first(folder_statements.BY_NAME, parent_id=folder.id, name=name),
                work.transaction.first(file_statements.BY_NAME, folder_id=folder.id, name=name),
            ):
                if taken is not None:
                    raise AlreadyExists
            version = random_name()
            quotas.charge(work, folder.id, size, 1)
            file_id = work.transaction.insert(
                ADD_FILE, folder_id=folder.id, name=name, version_id=version, size=size, modified=work.now
            )
            work.transaction.run(
                ADD_VERSION,
                id=version,
                organization_id=folder.organization_id,
                file_id=file_id,
                format="slots-1",
                size=size,
                digest=b"d" * 32,
                extents=b"",
                authenticator=b"",
                user_id=owner.id,
                made=work.now,
                modified=work.now,
            )
            return version

        return self.do(put)

    def kinds(self) -> list[str]:
        return [event.kind.value for event in self.events]
