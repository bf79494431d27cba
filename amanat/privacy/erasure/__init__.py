"""A person goes: every row and file, then a search of everything for what identified her, then the certificate."""
