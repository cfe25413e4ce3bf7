"""Studies of flows: what orbits of real and of small networks do, as numbers behind figures.

``python -m geomdl flows [study ...]`` writes for each study a data file (CSV, with a header that states
seed, versions and meanings) and a text table to reports/flows. Measured columns come from orbits,
predicted ones from the theory.
"""
