"""Review by people: a sheet of readings to judge, the results, and the overrides that follow.

sheet     draws readings from a dataset folder; writes and reads them as CSV
page      the same sheet as one HTML page to judge in a browser
verdicts  precision by kind, agreement of readers, and overrides
"""
