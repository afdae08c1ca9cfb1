"""Report blocks and their renderings."""
