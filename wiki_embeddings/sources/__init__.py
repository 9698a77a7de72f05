"""Where articles come from: one module and one row of `registry` for each source.

Sources know neither Dagster nor the volume: they plan parts, and open a part as record batches.
"""
