"""`python -m sealane.doors.http`: one HTTP worker."""

from sealane.doors.http.server import main

main()
