"""Headrace: runs a study's notebooks as DVC stages."""

__version__ = "0.2.0"
