"""`python -m landmarks` does what `landmarks` does."""

import sys

from landmarks.cli import main

if __name__ == "__main__":
    sys.exit(main())
