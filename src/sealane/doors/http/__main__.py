"""`python -m sealane.doors.http`: one HTTP worker, with the pages on it. All else in this room knows no pages."""

from sealane.doors.http.server import main
from sealane.doors.web.application import Pages

main(pages=Pages)
