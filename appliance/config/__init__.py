"""Settings: one frozen tree, read from TOML, every mistake named at once."""
