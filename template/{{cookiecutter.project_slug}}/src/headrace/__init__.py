"""Headrace: runs a study's notebooks as DVC stages. The template's; `cruft update` renews it."""
