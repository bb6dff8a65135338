"""Two human-pose papers rebuilt from data to PDF, every number traceable."""

__version__ = "0.1.0"
