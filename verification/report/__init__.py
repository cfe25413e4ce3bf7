"""What people look at: register, last run and studies as a static site and as Markdown.

From the data files that runs leave behind and nothing else: `gather` reads them, `measured` condenses a
run, `mathematics` sets formulas, `differences` marks what a correction changes, `site` says what a page
is, one module a chapter makes pages, and `build` puts all of it in its place, or nothing.
"""
