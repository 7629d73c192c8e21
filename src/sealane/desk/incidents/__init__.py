"""Incidents: what happened when, what was within reach, whose data it was, and whether what was said can be so."""
