"""Tests of the mathematics itself: fast paths against slow references, bad and degenerate input."""
