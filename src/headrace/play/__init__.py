"""`headrace live`: the months after the model was handed over, played on a copy of the study.

people, study   who acts, and the study's own commands in the copy
server          the real server, asked while it changes its model
month           one month: flights as requests, last month's truth, the monitor, who decides
command         all of them, and the audit at the end
"""
