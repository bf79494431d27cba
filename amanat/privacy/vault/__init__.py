"""What a law keeps longer than the promise: sealed with a key of its own, opened by two, destroyed on its day."""
