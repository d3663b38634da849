"""The way of a mail through the house: intake, screen, draft, review, send, file."""
