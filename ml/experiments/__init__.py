"""Does routing learn? Small trainings on a CPU, from data that is generated here or read from a folder outside the tree."""
