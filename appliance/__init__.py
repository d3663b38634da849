"""A language model that answers a shared mailbox and never leaves the box."""

__version__ = "0.1.0"
