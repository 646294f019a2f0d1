"""Charts that show themselves as a picture and in words, drawn from frames and never from a warehouse."""
