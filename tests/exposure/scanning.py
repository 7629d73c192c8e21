"""Scans bytes for the tests, on a day that does not change."""

import io
from dataclasses import replace
from datetime import date

from sealane.exposure.limits import ExposureLimits
from sealane.exposure.people.listing import lines_of
from sealane.exposure.scan import scan

TODAY = date(2026, 11, 22)


class OnlyForward(io.RawIOBase):
    """A stream that cannot seek, and gives little at a time."""

    def __init__(self, content, piece=10_007):
        super().__init__()
        self._content = io.BytesIO(content)
        self._piece = piece

    def readable(self):
        return True

    def read(self, size=-1):
        return self._content.read(min(size, self._piece) if size >= 0 else self._piece)


def scanned(content, name="file", *, limits=None, stream=None, **options):
    return scan(stream or io.BytesIO(content), name, today=TODAY, listed=True, limits=limits, **options)


def told(content, name="file", **options):
    return scanned(content, name, **options).told()


def listed(found):
    return [line for frame in found.crowd.people() for line in lines_of(frame)]


def limits(**changed):
    return replace(ExposureLimits(), **changed)
