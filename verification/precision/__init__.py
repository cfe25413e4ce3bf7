"""Precision studies: what the working precision does to pseudoinverses, ranks, flows and identities.

``python -m verification.precision [study ...]`` writes for each study a data file (CSV, with a header
that states seed, versions and units) and a text table. Figures are drawn from the data files.
"""
