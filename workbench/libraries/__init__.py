"""Which libraries a process needs: what is missing, what few runs use, what is left out."""
