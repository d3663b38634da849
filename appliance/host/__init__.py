"""The board and the system around the daemon: its service manager, its files, its sensors."""
