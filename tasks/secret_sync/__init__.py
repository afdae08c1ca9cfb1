"""Copies of secrets in GitHub's environments, kept equal to Secrets Manager."""
