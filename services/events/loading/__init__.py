"""Reading a folder of samples: all of it is right, or none is taken and each fault has file, line and field."""
