"""`python -m amanat`."""

import sys

from amanat.operations.cli import main

sys.exit(main())
