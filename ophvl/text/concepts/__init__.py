"""Surgical concepts in text: matching, compounds, assertion (negated, hypothetical), phrases."""
