"""`python -m landmarks` does what `landmarks` does."""

import sys

from landmarks.cli import main

sys.exit(main())
