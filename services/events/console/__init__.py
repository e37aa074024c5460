"""The coordinators' pages about events, inside the shared frame."""
