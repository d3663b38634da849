"""The owner's folder: read into passages, found again by a question."""
