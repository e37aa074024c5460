"""Every page that a running local installation shows, each as a way to get there with a browser."""
