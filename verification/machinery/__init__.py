"""What turns a row of the register into a check: ratios, columns, results, coverage, the plugin."""
