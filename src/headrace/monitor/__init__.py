"""Watching a model: what batches of live data say of it; frames in, frames and figures out.

baseline, bins, counts     what the model learned from, and a batch counted over the same values
quality, drift, moved      the contract's breaches; what moved, and in words
cases, performance         scores with intervals, as far as the truth is known
estimate                   what they would be if the model's probabilities were right
stream, watch, pictures    a batch part by part, batch after batch, and their pictures
found, command, page       what the stage wrote, by the rules of gates.yaml
"""

import argparse


def add(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    text = "exit with 1 when a rule of level act fires in the newest batch"
    parser.add_argument("--gate", action="store_true", help=text)
    text = "keep one GitHub issue for each incident, by gh"
    parser.add_argument("--issue", action="store_true", help=text)
    parser.add_argument("--quiet", action="store_true", help="open no page")
