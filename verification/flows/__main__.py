"""`python -m verification.flows [study ...]`: run studies of flows and write what they found.

Exit codes: 0 written, 2 an unknown study or a folder that cannot be written, 130 interrupted.
"""

import sys

from verification.precision.__main__ import Collection, main

FLOWS = Collection(
    "flows",
    (
        "descent", "stopping", "paths", "spectrum", "trapping", "ending", "collapse", "classes",
        "layers", "sectors",
    ),
    __doc__ or "",
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(collection=FLOWS))
