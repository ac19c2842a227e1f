"""Learned walking: networks that answer observations with joint targets."""
