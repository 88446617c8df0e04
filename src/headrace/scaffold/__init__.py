"""Write a study for a table: its contract, features, models, notebooks and tests."""
