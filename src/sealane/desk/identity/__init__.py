"""Who of all files' individuals is the same person: a map of its own, made anew without touching a fact."""
