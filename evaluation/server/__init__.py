"""Serves a page to separate songs with, to the browsers of this machine alone.

serve      opens the address and separates until it is stopped
app        what is answered to which request
guard      whom it answers at all
asked      what is wanted of a song, in the words of a request
uploads    songs as they come in
song       what became of one of them
songs      all of them: each waits, is separated, is there to be heard for a while
hearing    what the page draws and plays of a finished song, and what was heard in it
downloads  files to take away
decoding   what a song sounds like, from a process that may break
decoder    is that process
scratch    the folder of all this, of which nothing stays

page/ is the page: page.html, page.css, page.js (what is there to see), player.js (stems in step)
and heard.js (what somebody heard who listened).
"""
