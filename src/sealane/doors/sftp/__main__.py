"""`python -m sealane.doors.sftp`: one SFTP worker."""

from sealane.doors.sftp.server import main

main()
