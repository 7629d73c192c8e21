"""Sealane: managed file transfer that can answer for every byte. The rooms are described in ARCHITECTURE.md."""

__version__ = "0.1.0"
