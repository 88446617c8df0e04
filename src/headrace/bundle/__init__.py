"""The bundle: a model with all that it needs to answer, in one file whose every byte is checked."""
