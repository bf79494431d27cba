"""Support cases: what went wrong for whom, who has it, by when it is answered, and how it ended."""
