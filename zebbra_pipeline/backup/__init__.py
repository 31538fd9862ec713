"""`zebbra backup` and `zebbra restore`: a folder that holds everything, or nothing that is accepted."""
