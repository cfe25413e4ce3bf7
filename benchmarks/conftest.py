"""Loaded before any test module: importing it imports `benchmarks`, which sets one thread of BLAS."""
