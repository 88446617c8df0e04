"""`headrace retrain`: train a challenger, compare it with the champion, propose it on a branch.

command   the order of the steps; nothing is promoted
champion  the bundle in production, and the parameters it was made with
split     the batch both are compared on, and what the challenger learns
clone     the clone in which the challenger is trained
compare   both bundles on the same rows: a report, and the proposal that later comparisons read
branch    the challenger's branch, and its pull request
"""
