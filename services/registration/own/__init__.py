"""Pages behind links in mails: where the owner of an address confirms, refuses and changes what is theirs."""
