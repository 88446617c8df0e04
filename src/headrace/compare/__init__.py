"""What changed between two states of a study, whether it is real, and whether it may be merged.

`command` reads the command line, `report` builds a `model.Report` of two states:

metrics, retrain_report             the numbers of every metrics file, old and new
gates                               what gates.yaml says of them
intervals, predictions              how sure a change is, and how groups of rows fare
inputs, costs                       parameters, commits, files; the cost of each stage
changed_outputs, tables, notebooks, images      what changed in the outputs

`terminal`, `markdown`, `command.to_json` and `page` show the report; `format` has their sentences.
"""
