"""Readers of the public datasets' own files, and the one HDF5 layout they are read into."""
