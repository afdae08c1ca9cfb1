"""What a test suite has no time for: harm done many times over, and nothing lost counted."""
