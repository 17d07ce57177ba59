"""What the program does: jobs, pictures, models. No torch, no Gradio, no HTTP."""
