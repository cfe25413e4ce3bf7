"""Tests of the report: its parts, the site as files, and the site as a reader sees it in Chromium."""
