"""JupyterLab on a study: notebooks are saved without outputs, which are kept beside them."""
