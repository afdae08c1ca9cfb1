"""The backup restore test."""
