"""`make bench DUTY=backup-restore-test MB=1000 N=3`."""

import argparse
import sys

from rich.console import Console

from tests.bench import backup_restore_test

SUBJECTS = {"backup-restore-test": backup_restore_test.main}


def main() -> int:
    """Measure one duty and return 0 only if it reaches its goals."""
    parser = argparse.ArgumentParser(description="Measure a duty beside what it is held to.")
    parser.add_argument("--duty", choices=sorted(SUBJECTS), default="backup-restore-test")
    parser.add_argument("--mb", type=int, default=1000, help="how large the database is")
    parser.add_argument("--times", type=int, default=3, help="rounds; medians are shown")
    chosen = parser.parse_args()
    return SUBJECTS[chosen.duty](chosen.mb, chosen.times, Console())


if __name__ == "__main__":
    sys.exit(main())
