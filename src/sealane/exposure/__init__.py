"""Whose data is in a file: bytes in, the individuals out, with what could not be read beside them.

Lives here: telling a format by its content (`formats.py`), a reader per format (`readers/`), what a table's columns
hold (`tables/`), the individuals of one file (`people/`), and the walk through a file and all that is inside it
(`scan.py`). Not here: keys, sockets, the catalogue, sealing the list; linking people of several files is the desk's.
Must stay true: pure (a stream in, values out; no file is written, no network is touched); bounded in memory whatever
comes in; a part that cannot be read is told with its reason and never counted as nobody; no value of a file is
logged.
"""

from typing import Final

READERS: Final = 5
"""The generation of readers: one more when they find what those before did not, so that stored files are read again."""
