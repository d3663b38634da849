"""Values and protocols: what the appliance is about, with no file, socket, clock or database."""
