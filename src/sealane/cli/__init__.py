"""The command line, both sides: the operator's (acts on a data directory) and the user's (acts on a server by HTTP).

Lives here: one module a command group, the words of options, how answers are printed, exit codes. Not here: what a
command does; that is an operation of the keeper, or a function of `client`.
Must stay true: `main.py` imports nothing heavy, so that `sealane --help` answers at once; no secret is an argument.
"""
