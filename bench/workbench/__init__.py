"""What engines, TensorBoards and servers cost from the click on, beside the plain ones."""
