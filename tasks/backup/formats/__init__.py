"""Bytes to facts: what an archive, pg_restore and a server's log say. Pure; no row and no free text is ever kept."""
