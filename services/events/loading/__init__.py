"""Folders of YAML files: read, loaded, exported. A fault names file, line and field, and nothing is loaded."""
