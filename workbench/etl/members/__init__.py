"""Standard forms of what is known of people and products, who is whom, and which category is likely."""
