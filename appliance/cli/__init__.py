"""The command line: one module per group of verbs, ``app`` holds the root."""
