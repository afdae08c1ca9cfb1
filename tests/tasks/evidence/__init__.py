"""The evidence: store, ledger, verifier, schemas."""
