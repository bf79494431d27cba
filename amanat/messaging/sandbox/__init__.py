"""Doubles of the providers, speaking their own protocols on this machine: to try things out, and for the tests.

They are programs of their own (`./run sandbox`) and know nothing of the site: no database, no settings. What they accept
reaches nobody; they write it down, and that record is the judge of what was sent once, twice or never.
"""
