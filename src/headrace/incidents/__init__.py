"""Incidents: from the batch in which an alert rule fires to a person's decision."""
