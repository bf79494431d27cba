"""The proof: probes run on a schedule, their evidence, the seals that follow, what people attest."""
