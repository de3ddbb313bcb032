"""The report: one HTML page on what was released, played and attended, and on the pipeline itself.

:mod:`mixtape.report.facts` reads the public metrics and `fct_loads`, :mod:`mixtape.report.health`
judges them, :mod:`mixtape.report.tiles` and :mod:`mixtape.report.charts` show them,
:mod:`mixtape.report.page` writes, and :mod:`mixtape.report.place` puts the page where people look.
"""
