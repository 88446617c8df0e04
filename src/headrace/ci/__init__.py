"""`headrace ci`: the steps that CI runs, at home as there; nothing is imported that is not needed.

`headrace.ci.comment` runs where nothing is installed but Python.
"""
