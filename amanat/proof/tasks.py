"""Jobs of proof."""
