"""What the engine is given: a stable prefix per office, and a body that fits its context."""
