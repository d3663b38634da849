"""The jobs, drafts, replies and the ledger on disk: one SQLite database that one daemon owns."""
