"""Says what is on a page.

run_page            the report on a run
run_tables          its tables
run_figures         its violins
digest              the aggregates that they print
method              what could be scored, and how it was
curves              how it learnt
strips              scores of segments, gathered for violins
violins             segment by segment, drawn
audit_table         what the labels do
clip_players        sounds
comparison          runs side by side
comparison_page     their page
comparison_tables   their tables
shared_clips        the sounds that they share
metric_names        what metrics are called
"""
