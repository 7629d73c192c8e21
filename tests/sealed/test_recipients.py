"""To whom a sealed folder's files are sealed: who reads it, by which keys, and what is refused before a byte comes."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sealane.domain import recipients
from sealane.errors import Missing, NotAllowed, SealaneError
from sealane.ledger.limits import TEXT_BYTES_MAX
from sealane.operations.accounts import (
    AddFolder,
    AddGroup,
    AddOrganization,
    AddSshKey,
    AddUser,
    DisableUser,
    GrantFolder,
    ListSealed,
    SetMembership,
    SetRecipient,
    SetRecovery,
)
from sealane.operations.failures import NoRecipients, RecipientsDiffer, TooManyRecipients
from sealane.operations.sealing import Recipients
from sealane.operations.uploads import BeginUpload, FinishUpload, RecordSegments
from sealane.vault.age import files as age_files
from sealane.vault.age.hybrid import HybridIdentity
from sealane.vault.age.ssh import SshIdentity
from sealane.vault.age.text import encode_bech32
from sealane.vault.age.x25519 import X25519Identity
from tests.sealed.house import FOLDER, READER

pytestmark = pytest.mark.slow

READ = ("list", "read")


def add_reader(house, name, *identities, folder=FOLDER):
    """Add a user who may read the folder, with the public halves of these identities."""
    house.keeper.admin(AddUser(name))
    for identity in identities:
        house.keeper.admin(SetRecipient(name, str(identity.recipient()), present=True))
    if folder:
        house.keeper.admin(GrantFolder(f"clinic:{folder}", name, READ))


async def told(house, path="/f", handle=None):
    return await house.door.ask(Recipients(handle or house.handle, FOLDER + path))


async def named(house):
    return {one.user: one.recipient for one in (await told(house)).recipients}


def ssh_key():
    key = Ed25519PrivateKey.generate()
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return line, SshIdentity.from_file(private)


async def opened_by(house, *identities):
    await house.put("/f", b"for whom")
    await house.seal()
    sealed = await house.age("/f")
    for identity in identities:
        assert age_files.open_sealed(sealed, [identity]) == b"for whom"


async def test_readers_by_themselves_by_a_group_and_by_a_folder_above_can_open(house):
    one, two, three = X25519Identity.new(), X25519Identity.new(), X25519Identity.new()
    add_reader(house, "one@clinic", one)
    add_reader(house, "two@clinic", two, folder="")
    house.keeper.admin(AddGroup("ward@clinic"))
    house.keeper.admin(SetMembership("ward@clinic", "two@clinic", member=True))
    house.keeper.admin(GrantFolder(f"clinic:{FOLDER}", "group:ward@clinic", READ))
    add_reader(house, "three@clinic", three, folder="")
    house.keeper.admin(GrantFolder("clinic:/", "three@clinic", READ))
    assert set(await named(house)) == {"rea@clinic", "one@clinic", "two@clinic", "three@clinic"}
    await opened_by(house, READER, one, two, three)


async def test_one_who_is_in_it_twice_is_named_once(house):
    house.keeper.admin(AddGroup("ward@clinic"))
    house.keeper.admin(SetMembership("ward@clinic", "rea@clinic", member=True))
    house.keeper.admin(GrantFolder(f"clinic:{FOLDER}", "group:ward@clinic", READ))
    assert len((await told(house)).recipients) == 1


async def test_who_may_write_or_list_only_is_no_recipient(house):
    house.keeper.admin(SetRecipient("ann@clinic", str(X25519Identity.new().recipient()), present=True))
    assert set(await named(house)) == {"rea@clinic"}


async def test_a_disabled_user_is_no_recipient(house):
    add_reader(house, "gone@clinic", X25519Identity.new())
    house.keeper.admin(DisableUser("gone@clinic"))
    assert set(await named(house)) == {"rea@clinic"}


async def test_recovery_keys_can_open_everything_of_their_organization_only(house):
    recovery = X25519Identity.new()
    house.keeper.admin(SetRecovery("clinic", str(recovery.recipient()), present=True))
    house.keeper.admin(AddOrganization("lab"))
    house.keeper.admin(SetRecovery("lab", str(X25519Identity.new().recipient()), present=True))
    assert await named(house) == {"rea@clinic": str(READER.recipient()), "": str(recovery.recipient())}
    await opened_by(house, READER, recovery)


async def test_a_user_with_an_ssh_key_only_opens_with_that(house):
    line, identity = ssh_key()
    house.keeper.admin(AddUser("ssh@clinic"))
    house.keeper.admin(AddSshKey("ssh@clinic", line))
    house.keeper.admin(GrantFolder(f"clinic:{FOLDER}", "ssh@clinic", READ))
    await opened_by(house, READER, identity)


async def test_a_recipient_of_ones_own_goes_before_an_ssh_key(house):
    line, _ = ssh_key()
    house.keeper.admin(AddSshKey("rea@clinic", line))
    assert await named(house) == {"rea@clinic": str(READER.recipient())}


async def test_readers_without_a_key_are_told_and_keep_nothing_up(house):
    add_reader(house, "none@clinic")
    assert (await told(house)).without_key == ("none@clinic",)
    await opened_by(house, READER)


async def test_where_all_have_a_post_quantum_key_nothing_classic_is_sealed_to(house):
    pq = HybridIdentity.new()
    house.keeper.admin(SetRecipient("rea@clinic", str(pq.recipient()), present=True))
    assert await named(house) == {"rea@clinic": str(pq.recipient())}
    await opened_by(house, pq)


async def test_kinds_that_do_not_go_together_are_refused_and_it_is_said_who_needs_what(house):
    add_reader(house, "pq@clinic", HybridIdentity.new())
    with pytest.raises(RecipientsDiffer) as refused:
        await house.begin("/f")
    said = refused.value.sentence
    assert "no post-quantum (age1pq…) key: rea@clinic" in said
    assert "no classic (age1…, ssh-ed25519) key: pq@clinic" in said
    house.keeper.admin(SetRecipient("rea@clinic", str(HybridIdentity.new().recipient()), present=True))
    await house.begin("/f")


async def test_a_classic_recovery_key_beside_post_quantum_readers_is_named_too(house):
    house.keeper.admin(SetRecipient("rea@clinic", str(READER.recipient()), present=False))
    house.keeper.admin(SetRecipient("rea@clinic", str(HybridIdentity.new().recipient()), present=True))
    house.keeper.admin(SetRecovery("clinic", str(X25519Identity.new().recipient()), present=True))
    with pytest.raises(RecipientsDiffer, match="the recovery key") as refused:
        await house.begin("/f")
    assert "sealane keys recovery new, then" in refused.value.sentence


async def test_of_recovery_keys_of_both_kinds_each_folder_takes_its_readers(house):
    """Else an organization with a partner who has classic keys only could have no recovery key at all."""
    post_quantum, classic = HybridIdentity.new(), X25519Identity.new()
    house.keeper.admin(SetRecovery("clinic", str(post_quantum.recipient()), present=True))
    with pytest.raises(RecipientsDiffer, match="keys recovery new --classic, then sealane org recovery add"):
        await house.begin("/f")
    house.keeper.admin(SetRecovery("clinic", str(classic.recipient()), present=True))
    assert set((await named(house)).values()) == {str(READER.recipient()), str(classic.recipient())}
    await opened_by(house, READER, classic)
    assert house.keeper.admin(ListSealed("")).rows[0].values[3:5] == (2, "classic")
    house.keeper.admin(SetRecipient("rea@clinic", str(HybridIdentity.new().recipient()), present=True))
    assert str(post_quantum.recipient()) in (await named(house)).values()
    assert str(classic.recipient()) not in (await named(house)).values()
    assert house.keeper.admin(ListSealed("")).rows[0].values[3:5] == (2, "hybrid")


async def test_readers_who_differ_are_not_sent_for_another_recovery_key(house):
    add_reader(house, "pq@clinic", HybridIdentity.new())
    house.keeper.admin(SetRecovery("clinic", str(HybridIdentity.new().recipient()), present=True))
    with pytest.raises(RecipientsDiffer) as refused:
        await house.begin("/f")
    assert "recovery new" not in refused.value.sentence


@pytest.mark.parametrize("lasting", [True, False])
async def test_without_any_recipient_nothing_is_taken(house, lasting):
    house.keeper.admin(SetRecipient("rea@clinic", str(READER.recipient()), present=False))
    with pytest.raises(NoRecipients):
        await house.begin("/f", lasting=lasting)
    assert not [op for op in house.asked if isinstance(op, (RecordSegments, FinishUpload))]
    assert not house.blobs()


async def test_who_loses_the_last_key_while_it_comes_is_told_at_the_end_and_loses_nothing(house):
    incoming = await house.begin("/f")
    await incoming.write(0, b"came")
    house.keeper.admin(SetRecipient("rea@clinic", str(READER.recipient()), present=False))
    with pytest.raises(NoRecipients):
        await incoming.finish()
    await incoming.suspend()
    house.keeper.admin(SetRecipient("rea@clinic", str(READER.recipient()), present=True))
    again = await house.begin("/f", "resume")
    assert again.size == 4
    await again.finish()
    await house.seal()
    assert house.opened(await house.age("/f")) == b"came"


@pytest.mark.parametrize("point", [bytes(32), b"\1" + bytes(31)])
async def test_a_point_that_nothing_can_be_sealed_to_is_no_recipient(house, point):
    """Otherwise what was acknowledged could never be sealed."""
    with pytest.raises(SealaneError):
        house.keeper.admin(SetRecipient("rea@clinic", encode_bech32("age", point), present=True))
    with pytest.raises(SealaneError):
        house.keeper.admin(SetRecovery("clinic", encode_bech32("age", point), present=True))


@pytest.mark.parametrize("y", [1, 2**255 - 20], ids=["neutral", "order two"])
async def test_an_ssh_key_that_nothing_can_be_sealed_to_is_as_none(house, y):
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + y.to_bytes(32, "little")
    house.keeper.admin(AddUser("odd@clinic"))
    house.keeper.admin(AddSshKey("odd@clinic", f"ssh-ed25519 {base64.b64encode(blob).decode()}"))
    house.keeper.admin(GrantFolder(f"clinic:{FOLDER}", "odd@clinic", READ))
    assert (await told(house)).without_key == ("odd@clinic",)
    await opened_by(house, READER)


async def test_no_more_recipients_than_a_header_holds(house, monkeypatch):
    limit = 3
    monkeypatch.setattr(recipients, "RECIPIENTS_MAX", limit)
    for number in range(limit - 1):
        add_reader(house, f"reader{number}@clinic", X25519Identity.new())
    assert len((await told(house)).recipients) == limit
    add_reader(house, "onemore@clinic", X25519Identity.new())
    with pytest.raises(TooManyRecipients):
        await house.begin("/f")
    listed = house.keeper.admin(ListSealed("")).rows[0]
    assert TooManyRecipients.default in listed.values


async def test_more_post_quantum_keys_than_a_text_of_the_ledger_holds(house):
    identities = [HybridIdentity.new() for _ in range(10)]
    house.keeper.admin(SetRecipient("rea@clinic", str(identities[0].recipient()), present=True))
    add_reader(house, "many@clinic", *identities[1:])
    await opened_by(house, identities[0], identities[9])
    texts = [str(identity.recipient()) for identity in identities]
    assert recipients.on_record(texts[:1]) == texts[0]
    told_of = recipients.on_record(texts).split("\n")
    digest = base64.urlsafe_b64encode(hashlib.sha256(texts[3].encode()).digest()[:16]).decode().rstrip("=")
    assert told_of[3] == f"sha256/{digest}"
    assert len(recipients.on_record([text + str(n) for n, text in enumerate(texts * 50)])) <= TEXT_BYTES_MAX


async def test_who_may_neither_read_nor_write_there_is_not_told(house):
    house.keeper.admin(AddUser("lists@clinic"))
    house.keeper.admin(GrantFolder(f"clinic:{FOLDER}", "lists@clinic", ("list",)))
    house.keeper.admin(AddUser("stranger@clinic"))
    with pytest.raises(NotAllowed):
        await told(house, handle=house.session("lists@clinic"))
    with pytest.raises(Missing):
        await told(house, handle=house.session("stranger@clinic"))
    for allowed in (house.handle, house.reader):
        assert (await told(house, handle=allowed)).sealed


def partner(house, *rights):
    """A session of somebody from another organization, with these rights on the sealed folder, seen as `/theirs`."""
    house.keeper.admin(AddOrganization("lab"))
    house.keeper.admin(AddUser("pat@lab"))
    house.keeper.admin(GrantFolder(f"clinic:{FOLDER}", "pat@lab", rights, shown_as="/theirs"))
    return house.session("pat@lab")


async def test_a_partner_who_may_only_write_gets_the_keys_and_no_names(house):
    recovery = str(X25519Identity.new().recipient())
    house.keeper.admin(SetRecovery("clinic", recovery, present=True))
    add_reader(house, "none@clinic")
    pat = partner(house, "list", "write")
    answer = await house.door.ask(Recipients(pat, "/theirs/f"))
    assert {(one.recipient, one.user, one.recovery) for one in answer.recipients} == {
        (str(READER.recipient()), "", False), (recovery, "", True)
    }  # fmt: skip
    assert answer.without_key == ()
    assert answer.recipients[0].recipient == (await told(house)).recipients[0].recipient


async def test_a_partner_who_may_read_is_told_who_reads_too(house):
    pat = partner(house, "read")
    answer = await house.door.ask(Recipients(pat, "/theirs/f"))
    assert [one.user for one in answer.recipients] == ["rea@clinic"]
    assert answer.without_key == ("pat@lab",)


async def test_kinds_that_do_not_go_together_name_nobody_to_a_partner_who_may_only_write(house):
    pat = partner(house, "write")
    add_reader(house, "pq@clinic", HybridIdentity.new())
    for lasting in (True, False):
        with pytest.raises(RecipientsDiffer) as refused:
            await house.door.ask(BeginUpload(pat, "/theirs/f", "create", lasting=lasting))
        assert "@clinic" not in refused.value.sentence
    with pytest.raises(RecipientsDiffer) as refused:
        await house.door.ask(Recipients(pat, "/theirs/f"))
    assert "@clinic" not in refused.value.sentence
    listed = house.keeper.admin(ListSealed("")).rows[0]
    assert any("pq@clinic" in str(value) for value in listed.values), "the administrator is told"


async def test_an_ordinary_folder_has_no_recipients(house):
    answer = await house.door.ask(Recipients(house.handle, "/in/f"))
    assert (answer.sealed, answer.recipients) == (False, ())


async def test_a_folder_below_has_its_own_readers_too(house):
    house.keeper.admin(AddFolder(f"clinic:{FOLDER}/below"))
    add_reader(house, "below@clinic", X25519Identity.new(), folder=f"{FOLDER}/below")
    assert {one.user for one in (await told(house, "/below/f")).recipients} == {"rea@clinic", "below@clinic"}
    assert {one.user for one in (await told(house, "/below")).recipients} == {"rea@clinic", "below@clinic"}
    assert set(await named(house)) == {"rea@clinic"}
