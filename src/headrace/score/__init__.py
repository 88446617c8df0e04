"""Score a file of rows by a bundle, in parts that fit into memory."""
