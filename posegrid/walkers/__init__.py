"""Rendered walkers with exact truth: bodies, gaits, clothes, cameras, rooms."""
