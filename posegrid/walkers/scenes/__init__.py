"""Whole frames with people in them, for finding people."""
