"""What a page says.

run_page            the report of a run
run_tables          its tables
method              how it was scored
curves              how it learnt
violins             segment by segment
audit_table         what the labels do
clip_players        sounds
comparison          runs side by side
comparison_page     their page
comparison_tables   their tables
shared_clips        the sounds that they share
"""
