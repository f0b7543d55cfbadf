"""`python -m memlab` is `memlab`, and so is the installed command: both come in here."""

import sys

from memlab import working_folder

working_folder.forget()  # before anything is imported that could lie there under the same name

from memlab.cli.main import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
