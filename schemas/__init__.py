"""The dataset's tables: one file a table, `schemas.catalogue.TABLES` in the order of the flow.

This package needs pyarrow and the standard library only. Importing it alone loads neither.
"""
