"""REST APIs: asked with patience, page by page, and each record kept as it came."""
