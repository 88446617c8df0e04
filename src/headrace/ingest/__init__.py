"""`headrace ingest`: what came in one period becomes a batch, a file that DVC keeps.

batch     the file of a batch: its name, its columns, what tells its rows apart
columns   which type each of its columns has
values    a column's values read as one type
tables    a file, or what the server wrote down, read as a table
rows      the same row in two tables
truth     what turned out later, joined to a batch
again     a batch of which there is one already
order     whether batches follow each other in time
declared  a batch's file, and its place in params.yaml and dvc.yaml
alone     one command at a time
command   all of it in one step, or nothing of it
"""
