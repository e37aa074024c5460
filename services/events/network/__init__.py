"""What stands around events: series, working groups and contacts with them, consultations, hotels, resources."""
