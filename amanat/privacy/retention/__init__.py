"""How long: rules of the policy as statements, legal holds, warnings before, runs and their report."""
