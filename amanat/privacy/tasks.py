"""Jobs of privacy: imported here, where the worker looks, each defined in its part."""
