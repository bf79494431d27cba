"""Keep our word: retention, erasure, copies, requests, incidents, registers."""
