"""Changes the world for the backup duties: a throwaway server, and the bucket that a new backup goes to."""
