"""Jobs of publishing."""
