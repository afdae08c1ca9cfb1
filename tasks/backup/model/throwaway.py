"""Names inside the throwaway server, chosen so that no backup holds them."""

SUPERUSER = "marias_root"  # only prepares and cleans up; nothing of the backup runs as it
RESTORED = "restored"  # the database
RESTORER = "marias_restorer"  # restores: no superuser, member of every owner's role
OWNERS = "marias_owners"  # every owner's role is a member while restoring: may create in every schema
READER = "marias_reader"  # verifies: reads everything, changes nothing, owns nothing
ROLES = (SUPERUSER, RESTORER, OWNERS, READER)
