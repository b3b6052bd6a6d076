"""Holds corpora that are declared, not programmed: where their tracks lie and what describes them.

layout       says what a layout is, and lists the tracks of a corpus in one
places       finds folders and files by patterns with named parts
sidecars     reads the JSON or YAML that lies beside sounds
tables       reads tables in CSV
tracks       makes one track of its parts, with a sentence for each that is wrong
moisesdb     declares MoisesDB
slakh        declares Slakh2100
medleydb     declares MedleyDB
instruments  declares a folder per instrument
csv_table    declares a table of files
"""
