"""What Ingather costs, beside what others cost, on the same pages in the same run."""
