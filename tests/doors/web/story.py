"""Invented files and people for the pages to show."""

from sealane.errors import AlreadyExists
from sealane.operations.accounts import AddFolder, AddUser, GrantFolder, SetRecipient
from sealane.operations.browser import SignInAtPage
from sealane.operations.files import OpenVersion
from sealane.operations.sharing import EnterWithLink, MakeShare, ReplyToShare
from sealane.vault.age import files
from sealane.vault.age.hybrid import HybridIdentity
from tests.doors.web.conftest import PASSWORD

FILES = {
    "eligibility-2026-11.csv": 48_211,
    "eligibility-2026-10.csv": 47_980,
    "Remittance advice, week 46 (final, corrected, really final, for the auditors of both sides).pdf": 182_004,
    "claims-batch-0117.x12": 903_554,
    "x-ray 14 Nov.dcm": 2_400_117,
    "Überweisung Müller.txt": 312,
}


ANNA = HybridIdentity.new()
SEALED = {"x-ray 14 Nov.dcm": 2_400_117, "discharge letter, room 12.pdf": 82_004}


async def invent(page, house):
    """Put files and people there, once."""
    try:
        house.keeper.admin(AddFolder("clinic:/in/returned"))
    except AlreadyExists:
        return
    for operation in (
        AddFolder("clinic:/in/2025"),
        GrantFolder("clinic:/in", "root@clinic", ("list", "read", "write", "delete")),
        AddUser("maria-del-carmen.fernandez@clinic", email="maria.fernandez@clinic.test"),
        AddUser("bert@clinic", role="auditor", email="bert@clinic.test"),
        AddUser("nightly@clinic", email=""),
        SetRecipient("anna@clinic", str(ANNA.recipient()), present=True),
        SetRecipient("root@clinic", str(HybridIdentity.new().recipient()), present=True),
        AddFolder("clinic:/in/records", sealed=True),
        GrantFolder("clinic:/in/records", "maria-del-carmen.fernandez@clinic", ("list", "read")),
    ):
        house.keeper.admin(operation)
    token = house.token("anna@clinic")
    headers = {"Authorization": f"Bearer {token}", "Cookie": ""}
    for name, size in SEALED.items():
        sealed = {"Sealane-Sealed": "age", "Sealane-Plaintext-Length": str(size)}
        content = files.seal(b"x" * size, [ANNA.recipient()])
        told = await page.request.put(f"/api/v1/content/in/records/{name}", data=content, headers=headers | sealed)
        assert told.status == 201, await told.text()
    earlier = (next(iter(FILES)), 47_112)
    for name, size in (earlier, *FILES.items()):
        address = f"/api/v1/content/in/{name}"
        told = await page.request.put(address, data=b"x" * size, headers=headers)
        assert told.status == 201, await told.text()
    await page.request.get(f"/api/v1/content/in/{next(iter(FILES))}", headers={"Authorization": f"Bearer {token}"})
    share(house)


def share(house):
    """Send a folder to three people, of whom one has come and answered, and ask somebody for files."""
    door = house.keeper.door()
    root = door.ask_now(SignInAtPage("root@clinic", PASSWORD, "127.0.0.1")).signed.handle
    sent = {"note": "As agreed on the telephone.\nPlease say when you have it.", "password": PASSWORD, "expires": None}
    people = ("ada@partner.example", "claims-department.north-east@insurer-with-a-long-name.example", "bob@law.example")
    made = door.ask_now(MakeShare(root, "package", "/in", "Claims of week 46", mailboxes=people, **sent))
    guest = door.ask_now(EnterWithLink(made.links[0].secret, PASSWORD, "", "127.0.0.1")).handle
    door.ask_now(OpenVersion(guest, "/share/eligibility-2026-11.csv"))
    door.ask_now(ReplyToShare(guest, "Thank you, complete.\nWe answer on Monday."))
    door.ask_now(MakeShare(root, "request", "/in/returned", "Discharge letters", mailboxes=(), **sent))


def link_to(house, kind):
    """A link to the whole folder, or to where files are to go, that opens without a password."""
    door = house.keeper.door()
    root = door.ask_now(SignInAtPage("anna@clinic", PASSWORD, "127.0.0.1")).signed.handle
    folder = "/in/2025" if kind == "request" else "/in"  # the other one stays empty for its picture
    words = ("Claims of week 46", "As agreed on the telephone.", (), "", None)
    made = door.ask_now(MakeShare(root, kind, folder, *words, endings=(".pdf",), files_max=20))
    return f"/p/{made.links[0].secret}"
