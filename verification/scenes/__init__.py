"""Named scenes, each with a property that is known in advance; in one place, reused by all checks."""
