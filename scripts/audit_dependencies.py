"""Look for known holes in the packages of this environment; skipped, with a line, where that cannot be done."""

import importlib.util
import json
import subprocess
import sys

SECONDS = 180


def main() -> int:
    """The exit status: 1 where a package has a known hole that a newer version mends, 0 otherwise."""
    if importlib.util.find_spec("pip_audit") is None:
        print("audit-dependencies: skipped, pip-audit is not installed (pip install pip-audit)")
        return 0
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--timeout", "10"]
    try:
        done = subprocess.run(
            [*command, "--skip-editable"], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        packages = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        print("audit-dependencies: skipped, pip-audit did not reach its list of holes")
        return 0
    unknown = [package for package in packages if "skip_reason" in package]
    if len(unknown) == len(packages):
        print(f"audit-dependencies: skipped, pip-audit's list of holes has none of {len(packages)} packages")
        return 0
    holes = [(package, hole) for package in packages for hole in package.get("vulns", [])]
    for package, hole in holes:
        mended = ", ".join(hole["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {hole['id']}, mended by {mended}")
    if not holes:
        beside = f"; {len(unknown)} are not in its list" if unknown else ""
        print(f"audit-dependencies: no known hole in {len(packages) - len(unknown)} packages{beside}")
    return int(any(hole["fix_versions"] for _, hole in holes))


if __name__ == "__main__":
    sys.exit(main())
