"""The dataset's tables: one file a table, `schemas.catalogue.TABLES` in the order of the flow.

The row class in each file is the table's schema (`schemas.columns`). This package needs the standard library
and pyarrow only, and importing it loads no pyarrow.
"""
