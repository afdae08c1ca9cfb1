"""How fast a duty is, and in how little memory: side by side with what it is measured by, as ratios."""
