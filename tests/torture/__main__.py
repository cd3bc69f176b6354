"""Torture run directories and loaders, and print what was tried and what passed: `python -m tests.torture [EFFORT]`."""

import sys
import time

from tests.torture.checks import CHECKS, carry_out


def main() -> None:
    effort = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    faults = []
    print("| what | tried | passed | seconds |\n|---|---:|---:|---:|")
    for check in CHECKS:
        started = time.monotonic()
        result = carry_out(check, effort)
        faults += [f"{check.__name__}: {fault}" for fault in result.faults]
        passed, seconds = result.tried - len(result.faults), time.monotonic() - started
        what = (check.__doc__ or check.__name__).strip().rstrip(".")
        print(f"| {what} | {result.tried:,} | {passed:,} | {seconds:.0f} |", flush=True)
    print("\n".join(faults), file=sys.stderr)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
