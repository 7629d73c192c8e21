"""One module a revision, numbered; each names the one before it."""
