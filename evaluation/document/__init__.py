"""How a page looks.

parts      blocks, tables, figures, and how numbers are written
render     to HTML and Markdown
as_json    to JSON
svg        drawings
"""
