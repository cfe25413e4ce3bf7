"""Clocks: the asv suite, the comparison with other libraries, a quick look with pytest-benchmark.

One thread of BLAS unless the caller sets another number: sizes are small to medium, and a number of
threads that depends on the machine would make two runs of one suite two different experiments.
"""

import os as _os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    _os.environ.setdefault(_name, "1")  # read when NumPy is imported
