"""Makes a page that plays a network of one-shots by itself.

making  a run to its page
page    the text of the page, from the template, the style and the scripts beside this module
axes    which numbers, or mixtures of them, the map and its sliders show
packing arrays as text within a page

Of the scripts, arrays, spectrum and network are the network; engine asks it in a worker; sounds
plays and prepares, pictures draws, map is the map, own hears what is dropped, page is all of it.
"""
