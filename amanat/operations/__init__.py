"""The command `amanat`: starting, supervising, examining, saving and restoring an installation."""


class Refused(Exception):
    """A command that was not carried out, and changed nothing. The text is a sentence with a hint for the operator."""
