"""Watching a model: what batches of live data say of it; frames in, frames and figures out.

baseline, bins, counts     what the model learned from, and a batch counted over the same values
quality, drift, moved      the contract's breaches; what moved, and in words
cases, performance         scores with intervals, as far as the truth is known
estimate                   what they would be if the model's probabilities were right
stream, watch, pictures    a batch part by part, batch after batch, and their pictures
found, command, page       what the stage wrote, by the rules of gates.yaml
"""
