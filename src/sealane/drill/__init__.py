"""Drills: a break-in played on throw-away data against a real server, answered at the desk, held against what is known.

Lives here: invented people and files (`invented.py`), a server of its own (`house.py`), two thefts (`thefts.py`), the
officer's answers and whether they are exact (`answers.py`), the play in order (`breach.py`), its words (`telling.py`).
Not here: anything that the server or the desk does. Must stay true: everything is invented, lies in one throw-away
folder and on loopback, and is gone at the end; no claim is printed that was not looked at in the same run.
"""
