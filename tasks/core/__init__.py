"""Words every duty shares. Pure: no I/O, no clock, no SDK."""
