"""Speech models that run on the CPU out of installed packages: see docs/models.md."""
