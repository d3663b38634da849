"""The unix socket between the daemon and the people who look after it."""
