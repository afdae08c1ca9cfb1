"""`make chaos DUTY=frame N=50`, `make chaos DUTY=backup-restore-test N=100`, `make chaos DUTY=ssh-rotation N=500`."""

import argparse
import sys

from rich.console import Console

from tests.chaos import backup_restore_test, frame, ssh_rotation

SUBJECTS = {"frame": frame.main, "backup-restore-test": backup_restore_test.main, "ssh-rotation": ssh_rotation.main}


def main() -> int:
    """Run one subject's chaos and return its exit code."""
    parser = argparse.ArgumentParser(description="Do harm many times over, and count what is lost.")
    parser.add_argument("--duty", choices=sorted(SUBJECTS), default="frame")
    parser.add_argument("--times", type=int, default=50)
    chosen = parser.parse_args()
    return SUBJECTS[chosen.duty](chosen.times, Console())


if __name__ == "__main__":
    sys.exit(main())
