"""A suspected breach: who is affected, who must hear of it by when, what was sent."""
