"""Monitor a model: batches of live data compared with what the model learned from.

evaluate     a batch, part by part, and all batches as tables; the notebook of the stage calls it
quality      violations of the contract, missing and unseen values
histograms   a batch counted over the baseline's values
drift        tests and distances over the histograms
performance  scores with intervals, of rows whose label is known
estimate     scores expected from the probabilities alone
pictures     drift and cost, by batch
results      what the stage wrote, with the rules' verdicts; page shows it
"""
