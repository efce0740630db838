"""The dataset folder on disk: tables, ledger, overrides, blocked videos."""
