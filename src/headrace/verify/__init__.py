"""`headrace verify`: run each stage again in a clean room, and compare its outputs with dvc.lock.

command        the command, and what it prints
scheduler      run the stages of dvc.lock in parallel
run_stage      one stage: its command in its room, and the result
clean_room     a new folder for a stage: the files that git tracks, and its declared deps
perturb        what differs there: path, home, hash seed, time zone, language, processors …
sandbox_entry  leave the network, then become the stage's command
result         each output against its hash in dvc.lock
file_diff      where two files differ: the cell, the key, the row, the byte
messages       undeclared reads and writes, and network access, as messages
certificate    the result, for one git tree
"""
