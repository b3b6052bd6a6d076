"""Says how a page looks.

parts      blocks, tables, figures and sections
numbers    how numbers are written
render     a document to HTML and Markdown
as_json    a document to JSON
svg        drawings
"""
