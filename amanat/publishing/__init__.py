"""The policy of a workspace: written, published, shown to everyone, with all its versions."""
