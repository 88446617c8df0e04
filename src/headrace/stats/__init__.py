"""Statistics: histograms, population stability index, bootstrap intervals, scores."""
