"""A server as the desk sees it, in a directory: a real ledger's entries, a checkpoint, sealed people lists."""

import io
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import msgspec
import polars as pl

from sealane.desk.opening import payload_digest
from sealane.desk.sources import Directory
from sealane.exposure.model import BIT
from sealane.exposure.people.crowd import PERSON
from sealane.exposure.people.lists import write_list
from sealane.ledger import events
from sealane.ledger.bodies import moment, sealed
from sealane.ledger.checkpoints import Checkpoint
from sealane.ledger.events import KEEPER, Who
from sealane.ledger.tree import Frontier, leaf_of
from sealane.vault.age import files, keys

ORIGIN = "sealane/abcdefghijkmnpqrstuvwxyz23"
START = datetime(2023, 5, 1, 8, tzinfo=UTC)
CLASSES = ("name", "birth_date", "ssn", "address", "diagnosis")


class World:
    """Writes what a server would tell a desk."""

    def __init__(self, path, recipient):
        self.path = path
        self.recipient = recipient
        self.now = START
        self.entries = []
        self.lists = []
        self.downloads = 0
        self.organizations = {}
        (path / "lists").mkdir(parents=True)

    @property
    def source(self):
        return Directory(self.path)

    def at(self, moment):
        self.now = moment
        return self

    def record(self, event):
        told = sealed(event, self.now)
        self.append(told.body, json.loads(told.openings))

    def append(self, body, openings=None):
        self.entries.append(
            {
                "seq": len(self.entries) + 1,
                "body": body.decode(),
                "leaf": leaf_of(body).hex(),
                "openings": openings or {},
            }
        )

    def organization(self, name):
        if name not in self.organizations:
            self.organizations[name] = len(self.organizations) + 1
            self.record(
                events.OrganizationAdded(
                    owner_organization_id=self.organizations[name], organization_name=name, quota_bytes=0, quota_files=0
                )
            )
        return self.organizations[name]

    def file(
        self, path, people=None, *, owner="", coverage="complete", unreadable=(), records=None, sealed_folder=False
    ):
        """A file arrives and is read; `people`: rows of a people list, or None where it could not be read."""
        organization = self.organization(path.partition(":")[0])
        version = f"v{len(self.entries):06d}"
        number = len(self.lists) + 1
        self.record(
            events.UploadFinished(
                who=Who(door="sftp", user_name="nightly@plan"), upload_id=f"u{number}", key_id=number, file_id=number,
                owner_organization_id=organization, version_id=version, path=path, size=1000,
            )
        )  # fmt: skip
        if sealed_folder:
            self.record(
                events.FileSealed(
                    who=KEEPER,
                    upload_id=f"u{number}", version_id=version, file_id=number, owner_organization_id=organization,
                    folder_id=1, recipients="age1", destroyed_key_ids=(number,),
                )
            )  # fmt: skip
        listed = {
            "version_id": version,
            "coverage": coverage if people is not None else "unreadable",
            "unreadable": list(unreadable),
            "owner": owner,
        }
        if people is not None:
            content = self.sealed_list(people if isinstance(people, pl.DataFrame) else frame_of(people))
            (self.path / "lists" / f"{version}.age").write_bytes(content)
            listed |= {
                "records": len(people) if records is None else records,
                "people": len(people),
                "digest": payload_digest(content),
            }
            self.append(
                msgspec.json.encode(
                    {"at": moment(self.now), "kind": "exposure_recorded", "v": 1, "door": "inspector",
                     "version_id": version, "list_digest": listed["digest"], "coverage": listed["coverage"],
                     "people": listed["people"]},
                    order="sorted",
                )
            )  # fmt: skip
        self.lists.append(listed)
        self.now += timedelta(seconds=1)
        return version

    def name_list(self, version, digest, *, listed=True):
        """The ledger names another list for a version, as where it was read again; and so does the server, if told."""
        line = next(one for one in self.lists if one["version_id"] == version)
        self.append(
            msgspec.json.encode(
                {"at": moment(self.now), "kind": "exposure_recorded", "v": 1, "door": "inspector",
                 "version_id": version, "list_digest": digest, "coverage": line["coverage"],
                 "people": line["people"] if digest else 0},
                order="sorted",
            )
        )  # fmt: skip
        if listed:
            line["digest"] = digest

    def sealed_list(self, frame):
        written = io.BytesIO()
        write_list([frame], written)
        return files.seal(written.getvalue(), [keys.recipient(self.recipient)])

    def download(self, version, path, *, user="thief@plan", session="s1", address="203.0.113.9", sent=1000, whole=True):
        self.downloads += 1
        self.record(
            events.DownloadBegun(
                who=Who(door="http", user_name=user, session_id=session, address=address), download_id=self.downloads,
                version_id=version, file_id=1, owner_organization_id=1, path=path, size=1000, key_ids=(1,),
            )
        )  # fmt: skip
        self.record(
            events.DownloadEnded(
                who=Who(door="http", user_name=user, session_id=session, address=address), download_id=self.downloads,
                version_id=version, sent=sent, whole=whole,
            )
        )  # fmt: skip
        self.now += timedelta(seconds=1)

    def publish(self):
        """Write it all, with a checkpoint of what is there."""
        edge = Frontier()
        for entry in self.entries:
            edge.append(bytes.fromhex(entry["leaf"]))
        (self.path / "entries.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in self.entries))
        (self.path / "lists.jsonl").write_text("".join(json.dumps(one) + "\n" for one in self.lists))
        (self.path / "checkpoint").write_text(Checkpoint(ORIGIN, edge.size, edge.root()).text())
        return self.source


def person(number, *, state="ME", owner=None, classes=CLASSES, **more):
    """Return somebody invented; another number is somebody else altogether."""
    names = sha256(str(number).encode()).hexdigest().translate(str.maketrans("0123456789", "ghijklmnop"))
    told = {
        "given": names[:7].title(),
        "family": names[7:15].title(),
        "birth_date": (START - timedelta(days=8000 + 37 * (number % 700))).date(),
        "ssn": f"{200_010_001 + number * 137:09d}",
        "line": f"{number % 9000 + 1} Oak St",
        "city": "Portland",
        "state": state,
        "zip": f"{4001 + number % 90:05d}",
        "owner": owner,
    }
    return told | more | {"mask": sum(BIT[kind] for kind in classes)}


def frame_of(people):
    schema = {name: pl.Date if name == "birth_date" else pl.String for name in PERSON} | {"mask": pl.UInt32}
    return pl.DataFrame([{name: one.get(name) for name in schema} for one in people], schema=schema)
