"""`python -m memlab` is `memlab`."""

import sys

from memlab.cli.main import main

sys.exit(main())
