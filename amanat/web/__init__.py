"""The face: base page, navigation, components, template tags, icons, styles and scripts. Owns no table and no word of the business.

Packages above put their entries into `navigation`, extend `web/base.html` and build pages from the parts described in `docs/face.md`.
"""
