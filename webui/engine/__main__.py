"""Starts the worker: `python -m webui.engine`, with the flags of `webui.engine.worker`."""

from webui.collector import importing

if __name__ == "__main__":
    with importing():
        from webui.engine.families.registry import import_families
        from webui.engine.worker import main

        import_families()
    main()
