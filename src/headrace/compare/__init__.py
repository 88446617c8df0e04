"""What changed between two states of a study, whether it is real, and whether it may be merged.

model       what was found, as plain values: what every form of the report is made from
metrics     every number of every metrics file, old and new
rules, gatesfile, gates             gates.yaml: what a change must keep
predictions, scores                 the predictions of both states, and what they score
bootstrap, groups, evidence         how sure a change is, and for whom the model errs
parameters, costs, tables, notebooks, code      what else has changed
report      all of it, for two states
wording, brief, terminal, markdown, as_json, page   the forms in which it is shown
"""
