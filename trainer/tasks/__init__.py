"""What can be learnt: a folder per task.

separation   estimate every source of a mixture
"""
