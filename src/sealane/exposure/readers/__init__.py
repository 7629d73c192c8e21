"""A reader per format: a generator that takes a part of a file and hands over mentions of individuals.

Must stay true: a reader holds no more than a block and a batch in memory unless its format needs all of it; it raises
`PartUnreadable` where a part (or the rest of it) cannot be read, and hands over before that what it could read.
"""
