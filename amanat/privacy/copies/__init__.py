"""Everything about a person from every package, for her to read and to take elsewhere."""
