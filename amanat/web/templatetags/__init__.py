"""The tags of `{% load amanat %}`."""
