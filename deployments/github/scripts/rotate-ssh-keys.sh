#!/bin/sh
# The runbook's script, for the application's repository: the rotation itself is a duty of marias-ops.
# Usage: scripts/rotate-ssh-keys.sh [--plan CODE] [--param key=value …]; without --plan it shows what would be done.
# Needs `marias` in PATH (MARIAS names another place) and PREFECT_API_URL, or --here where there is no server: then it
# does it at once, unless --param dry_run=true is given.
set -eu
exec "${MARIAS:-marias}" run ssh-rotation --environment "${MARIAS_ENVIRONMENT:-production}" "$@"
