"""The template's own study: what its notebooks, its tests and `make demo` share."""
