"""The only floor that trains; torch starts here."""
