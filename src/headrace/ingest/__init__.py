"""`headrace ingest`: import a period of live data as a batch, a file that DVC tracks.

command   the order of the steps; what is read: a file, a server's log, the study's own function
batch     a batch's file, the columns that identify its rows, its predictions
labels    labels joined to a batch, and labels kept when a batch is replaced
types     the type of each column
manifest  the entries of a batch in DVC, params.yaml and dvc.yaml
"""
