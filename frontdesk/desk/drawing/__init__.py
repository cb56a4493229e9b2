"""A team as a drawing: Mermaid text or SVG."""
