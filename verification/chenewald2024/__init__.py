"""Claims of arXiv:2408.01517."""
