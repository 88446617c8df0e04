"""`headrace retrain`: a challenger on the newest batch, compared with the champion, and proposed.

champion  the bundle that is in charge, and the parameters it was made with
chosen    the batch, and what a challenger learns: rows that neither of both has seen
branches  whether there can be a branch, before anything is trained
copied    the clone in which a challenger is made
compare   both bundles on the same rows: a report as of `headrace diff`
proposal  the file that holds the comparison, by which later comparisons judge the two
pull      a pull request
command   a branch with the challenger and the report; nothing is promoted
"""
