"""The network around events: series, working groups, consultations, hotels, resources."""
