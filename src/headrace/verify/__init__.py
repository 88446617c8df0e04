"""Prove that a study reproduces: run each stage again, alone, in another world, and compare.

rooms       a fresh folder for a stage: the files git tracks, and its declared deps
world       what is different there: path, home, hash seed, time zone, language, processors …
enter       the way in: takes the network away, then becomes the stage's command
inside      what a stage listens to while it runs there: files it opens, hosts it asks for
compare     where two files differ: the cell, the key, the row, the byte
findings    what was found in a room, in words
trial       one stage: its command in its room, and what came of it
pipeline    all stages of dvc.lock, side by side
certificate what was proved, about which tree
report      what is printed
"""
