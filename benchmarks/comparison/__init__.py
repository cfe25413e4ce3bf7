"""Kernels of this project against those of other libraries, pair by pair in one process."""
