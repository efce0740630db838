"""Review by people: a sheet of readings to judge, what the judgements say, and what they change.

sheet    draws readings from a dataset folder; writes and reads them as CSV
page     the same sheet as one HTML page to judge in a browser
verdicts precision by kind, agreement of readers, and the overrides that follow
"""
