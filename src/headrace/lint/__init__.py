"""`headrace check` and `headrace fix`: lint a study in seconds, without running it.

rules                     what a rule is, and the table of all rules
cells … repository        the rules, by what they look at
check                     select rules, apply them, leave out what [tool.headrace.ignore] names
fixes                     the automatic fixes
context                   the study as the rules read it
"""
