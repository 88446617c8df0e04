"""How results are shown: pages, tables, Markdown, SVG, numbers in words."""
