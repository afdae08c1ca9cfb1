"""Messages to people, and the ways they go."""
