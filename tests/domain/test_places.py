"""What a path names for whom."""

import pytest

from sealane.errors import (
    AlreadyExists,
    IsAFolder,
    Missing,
    NotAFolder,
    NotAllowed,
    PathInvalid,
)
from sealane.operations.accounts import (
    AddGroup,
    AddUser,
    GrantFolder,
    RevokeFolder,
    SetMembership,
)
from sealane.operations.files import ListFolder, Look, MakeFolder, Move, RemoveFile, SetModified

pytestmark = pytest.mark.slow  # together they take longer than make check may


def listed(office, caller, path="/", **fields):
    return [entry.name for entry in office.ask(caller, ListFolder(handle="", path=path, **fields)).entries]


def look(office, caller, path, **fields):
    return office.ask(caller, Look(handle="", path=path, **fields)).entry


@pytest.fixture
def two(office):
    """Two organizations; bert of the lab is granted a folder of the clinic."""
    office.anna = office.user("anna@clinic")
    office.bert = office.user("bert@lab")
    office.folder("clinic:/exchange/out", "anna@clinic: list,read,write,delete", "bert@lab: list,read")
    office.folder("clinic:/private")
    office.folder("lab:/results")
    office.file("clinic:/exchange/out", "claims.csv")
    office.file("clinic:/private", "secret.csv")
    return office


def test_a_partner_finds_what_was_granted_under_the_organization_and_nothing_else(two):
    assert listed(two, two.bert) == ["@clinic"]
    assert listed(two, two.bert, "/@clinic") == ["exchange"]
    assert listed(two, two.bert, "/@clinic/exchange") == ["out"]
    assert listed(two, two.bert, "/@clinic/exchange/out") == ["claims.csv"]
    assert look(two, two.bert, "/@clinic/exchange/out/claims.csv").rights == ("list", "read")


def test_what_is_hidden_and_what_is_not_there_answer_alike(two):
    for path in ("/@clinic/private", "/@clinic/private/secret.csv", "/@clinic/nothing", "/@nobody", "/results", "/x"):
        with pytest.raises(Missing) as hidden:
            look(two, two.bert, path)
        assert hidden.value.sentence == Missing.default
        assert type(hidden.value) is Missing


def test_belonging_to_the_organization_and_being_its_admin_gives_no_right(two):
    admin = two.user("root@clinic", role="admin")
    assert listed(two, admin) == []
    with pytest.raises(Missing):
        look(two, admin, "/private/secret.csv")
    with pytest.raises(Missing):
        look(two, admin, "/exchange")


def test_own_folders_are_at_the_root_and_not_under_the_organization(two):
    assert listed(two, two.anna) == ["exchange"]
    with pytest.raises(Missing):
        look(two, two.anna, "/@clinic/exchange")


def test_a_folder_above_a_granted_one_is_a_way_through_and_no_more(two):
    two.file("clinic:/exchange", "beside.csv")
    two.folder("clinic:/exchange/other")
    way = look(two, two.bert, "/@clinic/exchange")
    assert (way.kind, way.rights) == ("folder", ())
    with pytest.raises(Missing):
        look(two, two.bert, "/@clinic/exchange/beside.csv")
    with pytest.raises(Missing):
        look(two, two.bert, "/@clinic/exchange/other")
    with pytest.raises(NotAllowed):
        two.ask(two.bert, MakeFolder(handle="", path="/@clinic/exchange/new"))
    with pytest.raises(NotAllowed):
        two.ask(two.bert, SetModified(handle="", path="/@clinic/exchange", modified=two.clock.now()))


def test_rights_are_the_union_of_all_grants_on_the_way_down(two):
    two.admin(AddGroup(group="readers@lab"))
    two.admin(SetMembership(group="readers@lab", user="bert@lab", member=True))
    two.folder("clinic:/exchange/out/deep")
    two.grant("clinic:/exchange/out/deep", "group:readers@lab", "write")
    bert = two.session("bert@lab")
    assert look(two, bert, "/@clinic/exchange/out/deep").rights == ("list", "read", "write")
    assert look(two, bert, "/@clinic/exchange/out").rights == ("list", "read")


def test_a_group_opens_and_closes_the_way_at_once(two):
    two.admin(AddGroup(group="readers@lab"))
    two.folder("clinic:/team", "group:readers@lab: list")
    for member in (True, False):
        before = listed(two, two.bert, "/@clinic")
        two.admin(SetMembership(group="readers@lab", user="bert@lab", member=member))
        bert = two.session("bert@lab")
        assert before == (["exchange"] if member else ["exchange", "team"])
        assert listed(two, bert, "/@clinic") == (["exchange", "team"] if member else ["exchange"])


def test_an_alias_shows_a_folder_at_the_root_and_the_organization_only_where_it_is_needed(two):
    two.folder("clinic:/drop", "bert@lab: write: /upload")
    assert listed(two, two.bert) == ["@clinic", "upload"]
    two.grant("clinic:/exchange/out", "bert@lab", "list,read", "/from-clinic")
    assert listed(two, two.bert) == ["from-clinic", "upload"]
    assert look(two, two.bert, "/from-clinic/claims.csv").size == 5
    assert look(two, two.bert, "/@clinic/exchange/out/claims.csv").size == 5


def test_own_visible_folders_go_before_an_alias_and_hidden_ones_do_not_show_through_it(two):
    two.folder("clinic:/drop", "bert@lab: write: /upload")
    two.folder("lab:/upload")
    assert look(two, two.bert, "/upload").rights == ("write",), "an own folder that bert may not see is not told of"
    two.grant("lab:/upload", "bert@lab", "list")
    assert look(two, two.bert, "/upload").rights == ("list",)
    assert listed(two, two.bert) == ["@clinic", "upload"]
    assert look(two, two.bert, "/@clinic/drop").rights == ("write",)


def test_an_alias_behind_an_own_folder_is_announced_under_its_organization(office):
    bert = office.user("bert@lab")
    office.organization("clinic")
    office.folder("clinic:/drop", "bert@lab: list: /upload")
    assert listed(office, bert) == ["upload"]
    office.folder("lab:/upload", "bert@lab: list")
    assert listed(office, bert) == ["@clinic", "upload"]
    assert look(office, bert, "/@clinic/drop").rights == ("list",)


def test_of_two_grants_under_one_name_the_users_own_is_shown_there(office):
    bert = office.user("bert@lab")
    office.organization("clinic")
    office.admin(AddGroup(group="team@lab"))
    office.admin(SetMembership(group="team@lab", user="bert@lab", member=True))
    office.folder("clinic:/teams", "group:team@lab: read: /in")
    office.folder("clinic:/own", "bert@lab: list: /in")
    assert look(office, bert, "/in").rights == ("list",)
    assert listed(office, bert) == ["@clinic", "in"]
    assert look(office, bert, "/@clinic/teams").rights == ("read",)


def test_an_alias_that_is_taken_is_refused(two):
    two.folder("clinic:/drop", "bert@lab: write: /upload")
    for alias in ("/results", "/upload"):
        with pytest.raises(AlreadyExists):
            two.grant("clinic:/private", "bert@lab", "list", alias)
    two.grant("clinic:/drop", "bert@lab", "list", "/upload")


@pytest.mark.parametrize("alias", ["/a/b", "/@clinic", "..", "/ "])
def test_an_alias_is_one_plain_name(two, alias):
    with pytest.raises(Exception, match=r"\w") as refused:
        two.grant("clinic:/private", "bert@lab", "list", alias)
    assert refused.value.code in {"path-invalid", "invalid"}


@pytest.mark.parametrize("path", ["/new", "/@clinic/new", "/@clinic", "/@new"])
def test_the_virtual_folders_take_nothing(two, path):
    two.grant("clinic:/", "anna@clinic", "list,read,write,delete,admin")
    two.grant("clinic:/", "bert@lab", "list,read,write,delete,admin")
    with pytest.raises((NotAllowed, AlreadyExists)):
        two.ask(two.bert, MakeFolder(handle="", path=path))
    with pytest.raises((NotAllowed, Missing)):
        two.ask(two.anna, MakeFolder(handle="", path=path))
    with pytest.raises((NotAllowed, Missing)):
        two.ask(two.anna, Move(handle="", source="/exchange", target=path))


def test_a_grant_on_the_root_reaches_everything_below_it(two):
    two.grant("clinic:/", "anna@clinic", "list,read")
    assert listed(two, two.anna) == ["exchange", "private"]
    assert look(two, two.anna, "/private/secret.csv").rights == ("list", "read")
    assert look(two, two.anna, "/").rights == ("list",)


def test_a_revoked_grant_hides_the_folder_at_once(two):
    assert look(two, two.bert, "/@clinic/exchange/out")
    two.admin(RevokeFolder(folder="clinic:/exchange/out", grantee="bert@lab"))
    assert listed(two, two.bert) == []
    with pytest.raises(Missing):
        look(two, two.bert, "/@clinic/exchange/out")


def test_a_rolled_back_grant_leaves_no_view_behind(two):
    look(two, two.anna, "/exchange")

    def granted_then_failed(work):
        from sealane.domain import grants

        grants.grant_folder(work, GrantFolder(folder="clinic:/private", grantee="anna@clinic", rights=("list",)))
        raise KeyError

    with pytest.raises(KeyError):
        two.do(granted_then_failed)
    assert listed(two, two.anna) == ["exchange"]


def test_a_drop_folder_takes_files_and_lists_none(two):
    two.folder("clinic:/drop", "bert@lab: write")
    two.file("clinic:/drop", "in.csv")
    with pytest.raises(NotAllowed):
        listed(two, two.bert, "/@clinic/drop")
    seen = look(two, two.bert, "/@clinic/drop/in.csv")
    assert (seen.size, seen.digest) == (5, None), "enough to check an upload, and no digest to compare contents by"
    with pytest.raises(NotAllowed):
        two.ask(two.bert, RemoveFile(handle="", path="/@clinic/drop/in.csv"))


def test_a_file_in_the_way_and_a_folder_in_its_place_are_told_apart(two):
    with pytest.raises(NotAFolder):
        listed(two, two.anna, "/exchange/out/claims.csv")
    with pytest.raises(NotAFolder):
        look(two, two.anna, "/exchange/out/claims.csv/x")
    with pytest.raises(IsAFolder):
        two.ask(two.anna, RemoveFile(handle="", path="/exchange/out"))


@pytest.mark.parametrize("path", ["/../x", "/exchange/./out", "/a//b", "/\x00", "/a\\b", "/" + "n" * 300, "//"])
def test_a_crooked_path_is_invalid_and_never_repaired(two, path):
    with pytest.raises(PathInvalid):
        look(two, two.anna, path)


def test_a_token_of_narrow_scope_sees_less_of_the_same_grants(two):
    reader = two.session("anna@clinic", scopes={"read"})
    assert look(two, reader, "/exchange/out/claims.csv").rights == ("list", "read")
    with pytest.raises(NotAllowed):
        two.ask(reader, RemoveFile(handle="", path="/exchange/out/claims.csv"))
    administrator = two.session("anna@clinic", scopes={"admin"})
    assert listed(two, administrator) == ["exchange"]
    with pytest.raises(Missing):
        look(two, administrator, "/exchange/out/claims.csv")


def test_two_users_of_one_organization_see_only_their_own_grants(two):
    two.admin(AddUser(user="carl@clinic"))
    carl = two.session("carl@clinic")
    two.folder("clinic:/carl", "carl@clinic: list,read,write,delete")
    assert listed(two, carl) == ["carl"]
    assert listed(two, two.anna) == ["exchange"]
