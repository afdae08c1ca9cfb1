"""The lab: real local stand-ins that a person or a test starts."""
