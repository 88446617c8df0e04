"""Headrace: runs a study's notebooks as DVC stages. The template's; `cruft update` renews it."""

__version__ = "0.1.0"  # a dep of every stage: raised when what a stage writes changes its bytes
