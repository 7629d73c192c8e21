"""The individuals of one file: mentions made alike, joined on strong identifiers, counted, listed."""
