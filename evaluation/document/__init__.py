"""Says how a page looks.

parts         blocks, tables, figures and sections
rating_form   where ratings are saved
spectrograms  pictures of sounds side by side
numbers       how numbers are written
render        a document to HTML and Markdown
as_json       a document to JSON
svg           drawings
"""
