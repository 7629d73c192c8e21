"""What a soak looks for, it finds."""

from tests.whole.soak import MemoryLog, differing, grown


def test_a_lost_file_a_wrong_digest_and_a_file_that_was_deleted_are_told():
    files = {"/w/a": (1, "aa"), "/w/b": (2, "bb"), "/w/c": (3, "cc"), "/w/d": (4, "dd")}
    listed = {"/w/a": (1, "aa"), "/w/b": (2, "xx"), "/w/d": (4, None), "/w/e": (5, "ee")}
    told = differing(files, listed)
    assert [sentence.split(":")[0].split(" ")[0] for sentence in told] == ["/w/b", "/w/c", "/w/d", "/w/e"]
    assert differing(files, dict(files)) == []


def test_memory_that_grows_is_told_and_a_little_more_is_not():
    log = MemoryLog.__new__(MemoryLog)
    log.mib = {
        "keeper 1": [90.0] * 10 + [100.0] * 30,
        "doors.http 2": [100.0] * 20 + [117.0] * 20,
        "doors.sftp 3": [100.0 + 2 * look for look in range(40)],
        "short 4": [1.0],
    }
    (told,) = grown(log.quarters())
    assert told == "doors.sftp 3 grew from 129 MiB to 169 MiB"
