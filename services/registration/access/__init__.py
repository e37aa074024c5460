"""Who may work with the system: colleagues and programs, invitations, passkeys, sessions and signing in."""
