"""``appliance`` on the command line."""

import sys

from appliance.cli.app import run


def main() -> int:
    """Run the command line; returns its exit status."""
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
