"""What engines, TensorBoards and servers cost from the click on, beside plain ipyparallel, TensorBoard and JupyterHub."""
