"""One verb a file: a Prefect task or a plain function of a few lines that calls the library."""
