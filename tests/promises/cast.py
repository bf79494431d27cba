"""A workspace with one row of everything, each row carrying a canary, and the eight actors who try to reach it."""
