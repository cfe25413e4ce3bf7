"""Claims of the slides of the University of Toronto, 2023."""
