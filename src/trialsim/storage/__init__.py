"""Where results are stored: results folder, manifest, replicates on disk, and what an unfinished job leaves.

layouts          what the results folder of each command holds
manifest         enough to run a command again
results_folder   where results may be written
replicate_store  outcomes of replicates, row by row
checkpoint       the finished parts of an unfinished job
job_folder       lock and checkpoint beside a results folder; moving results into place
formats          of pictures
"""
