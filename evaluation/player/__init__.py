"""Makes a page that plays a network of one-shots by itself.

making  a run to its page
axes    which numbers, or mixtures of them, the map and its sliders show
packing arrays as text within a page
page    the text of the page, of the template, the style and the scripts beside this module
"""
