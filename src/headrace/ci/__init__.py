"""`headrace ci`: the steps of CI, on GitHub and at home.

`headrace.ci.comment` runs on Python alone, without any package.
"""
