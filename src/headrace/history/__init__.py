"""`headrace history`: the value of metrics over the commits of a branch."""
