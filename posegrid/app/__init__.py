"""`posegrid app`: videos in, motions out, in a browser (docs/app.md)."""
