"""Campaigns: matrices of scenarios, run in parallel, resumed, summed up."""
