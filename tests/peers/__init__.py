"""Real peers that tests start: servers and clients of other people's making."""
