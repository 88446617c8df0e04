"""What changed between two states of a study, whether it is real, and whether it may be merged.

model       what was found, as plain values: what every form of the report is made from
metrics     every number of every metrics file, old and new
bootstrap   how sure a change is: intervals from the predictions that both states have
gates       gates.yaml: what a change must keep
parameters, costs, tables, notebooks, code      what else has changed
report      all of it, for two states
terminal, markdown, page                        the forms in which it is shown
"""
