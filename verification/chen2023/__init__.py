"""Claims of arXiv:2311.15487."""
