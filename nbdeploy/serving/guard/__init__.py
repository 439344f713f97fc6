"""Who may do what, how much, and how fast; and a record of who did."""
