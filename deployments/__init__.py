"""How duties are brought to a server, run by hand, and tried in a lab."""
