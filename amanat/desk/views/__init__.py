"""Pages of the desk. A view finds rows the member may see, calls one rule, answers."""
