"""What everything stands on: ids, clock, tenancy, routes, limits, ledger, jobs, vault, files.

Knows no word of the business: the word "contact" does not occur here.
"""
