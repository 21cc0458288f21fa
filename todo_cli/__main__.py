"""`python -m todo_cli` is the command `todo`."""

import sys

from todo_cli import main

sys.exit(main())
