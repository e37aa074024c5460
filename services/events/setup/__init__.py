"""What coordinators set up: one way to list, create, change and withdraw it. A kind defines the rest."""
