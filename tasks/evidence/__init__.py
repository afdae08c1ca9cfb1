"""What a duty leaves behind: store, schemas, signed ledger."""
