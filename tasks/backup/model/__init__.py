"""What a restore test knows (facts) and what its words need (told)."""
