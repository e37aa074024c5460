"""The one audit log over the services: who did what with which key, where, when and to what."""
