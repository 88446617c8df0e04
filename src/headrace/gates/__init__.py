"""gates.yaml: rules on metrics that a change must keep, and rules on live batches."""
