"""The Human3.6M release: its layout, its files, reading, checking, writing."""
