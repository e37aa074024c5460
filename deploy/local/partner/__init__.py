"""Another organisation's web site with one of our forms in it, on a separate origin."""
