"""Faults made on purpose, at the size that is promised: run by hand, and small in the suite."""
