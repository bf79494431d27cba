"""Registers made from what runs: processing, recipients, transfers, disclosures, training."""
