"""Closing an account or a whole workspace: export, grace, destruction of keys."""
