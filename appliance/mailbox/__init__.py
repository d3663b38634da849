"""Mail as bytes on one side, ``domain.mail`` values on the other, and the accounts between them."""
