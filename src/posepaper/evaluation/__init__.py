"""Protocols and metrics: arrays in, numbers out; knows no network and no file."""
