"""Incidents: what a live rule found, from the batch in which it fires to a person's decision."""
