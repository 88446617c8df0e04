"""Run notebooks: the in-process executor, papermill's engine, a stage's process, its supervisor."""
