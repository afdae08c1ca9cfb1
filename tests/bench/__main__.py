"""`make bench DUTY=backup-restore-test MB=1000 N=3`, `make bench DUTY=ssh-rotation N=3`."""

import argparse
import sys
from collections.abc import Callable, Mapping

from rich.console import Console

from tests.bench import backup_restore_test, ssh_rotation

Subject = Callable[[argparse.Namespace, Console], int]
SUBJECTS: Mapping[str, Subject] = {
    "backup-restore-test": lambda chosen, console: backup_restore_test.main(chosen.mb, chosen.times, console),
    "ssh-rotation": lambda chosen, console: ssh_rotation.main(chosen.times, console),
}


def main() -> int:
    """Measure one duty and return 0 only if it reaches its goals."""
    parser = argparse.ArgumentParser(description="Measure a duty beside what it is held to.")
    parser.add_argument("--duty", choices=sorted(SUBJECTS), default="backup-restore-test")
    parser.add_argument("--mb", type=int, default=1000, help="how large the database of the restore test is")
    parser.add_argument("--times", type=int, default=3, help="rounds; medians are shown")
    chosen = parser.parse_args()
    return SUBJECTS[chosen.duty](chosen, Console())


if __name__ == "__main__":
    sys.exit(main())
