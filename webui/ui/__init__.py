"""The page: Gradio, and only here. It knows the services and never torch."""
