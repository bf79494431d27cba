"""The rights desk: what people ask, who they are, the clocks, the answers."""
